/** Makes maps and locks refuse to be sent to another thread: their handles are sent instead. */

/**
 * Makes `postMessage` and `workerData` refuse `target` with a message that says what to send. Structured clone copies own enumerable
 * properties, stops at a symbol, and quotes the symbol's description. A getter that throws would have the same effect, but would break
 * `{ ...target }` and every debugger. A symbol breaks neither, and `JSON.stringify` leaves it out. Each object has a symbol of
 * its own, so that `deepStrictEqual` tells two objects apart at once instead of finding nothing to compare.
 */
export function refuseCloning(target: object, kind: string): void {
  const words = `a ${kind} cannot be sent: send its handle, and call ${kind}.attach(handle) in the other thread`
  Object.defineProperty(target, 'threadmap', { value: Symbol(words), enumerable: true })
}
