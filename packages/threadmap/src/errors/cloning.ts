/** What shared objects say when somebody sends them to another thread instead of their handles. */

/**
 * Makes `postMessage` and `workerData` refuse `target` with these words: structured clone copies own enumerable properties,
 * stops at a symbol, and quotes the symbol's description. A getter that throws would say it as well, but would break
 * `{ ...target }` and every debugger; a symbol breaks neither, and `JSON.stringify` leaves it out. Each object has its own
 * symbol, so that `deepStrictEqual` tells two of them apart at once instead of finding nothing to compare.
 */
export function refuseCloning(target: object, kind: string): void {
  const words = `a ${kind} cannot be sent: send its handle, and call ${kind}.attach(handle) in the other thread`
  Object.defineProperty(target, 'threadmap', { value: Symbol(words), enumerable: true })
}
