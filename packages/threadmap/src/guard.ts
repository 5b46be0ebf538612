/** threadmap/guard: finds check-then-act across an `await` on an ordinary `Map`, or on a map of this library. */
import { OptionError } from './errors/classes.js'
import { refuseUnknown } from './errors/unknown-options.js'
import { available } from './guard/context.js'
import { Guarded, type GuardOptions } from './guard/guarded.js'
import type { ConcurrentMap } from './maps/concurrent-map.js'

export { separate } from './guard/context.js'
export type { GuardOptions } from './guard/guarded.js'
export { type FaultKind, type FaultPlace, GuardError, GuardReport } from './guard/report.js'

/** Maps that have a guard. */
const guarded = new WeakSet<object>()
let said = false

/**
 * Watches `map` and returns it: the object itself, whose class does not change. The guard tells asynchronous contexts apart (a request, a
 * callback, a branch of `Promise.all`), and reports:
 *
 * - lost updates: a context reads a key (`get`, `has`, iteration), waits, and writes it, although another context has changed
 *   it meanwhile;
 * - iteration across a wait in which another context inserts or removes entries.
 *
 * The guard is silent when it is unsure; docs/guard.md says what it cannot see. It watches the contexts of this thread only.
 *
 * Needs `AsyncLocalStorage`: Node, Deno, Bun. Elsewhere (browsers) `guard` warns once and leaves the map as it is.
 * `OptionError` if `map` is no map, is frozen, has a guard already, or an option is out of range. Cost: see docs/guard.md.
 */
export function guard<M extends Map<unknown, unknown> | ConcurrentMap<unknown, unknown>>(
  map: M,
  options: GuardOptions = {},
): M {
  check(map, options)
  if (!available) {
    if (!said) {
      console.warn(
        'threadmap/guard: this runtime has no AsyncLocalStorage (Node, Deno and Bun have it), so contexts cannot be told apart: maps are not watched',
      )
    }
    said = true
    return map
  }
  const watch = new Guarded(map, options)
  const { methods } = watch
  const properties: PropertyDescriptorMap = {}
  for (const name of Reflect.ownKeys(methods)) {
    properties[name as string] = { value: methods[name], writable: true, configurable: true }
  }
  if (options.strict) properties.size = { get: watch.sizeOf(), configurable: true }
  Object.defineProperties(map, properties)
  guarded.add(map)
  return map
}

function check(map: unknown, options: GuardOptions): void {
  const candidate = map as Partial<Map<unknown, unknown>> | null | undefined
  if (typeof candidate !== 'object' || typeof candidate?.get !== 'function' || typeof candidate.set !== 'function') {
    throw new OptionError(`guard() takes a Map or a map of threadmap, and got ${map === null ? 'null' : typeof map}`)
  }
  if (guarded.has(candidate))
    throw new OptionError('guard(): this map has a guard already; guard it once, where it is made')
  if (!Object.isExtensible(candidate)) {
    throw new OptionError('guard(): this map is frozen or sealed, so its methods cannot be watched; guard it before')
  }
  refuseUnknown('guard()', options, ['name', 'onReport', 'throw', 'strict', 'stacks', 'frames'])
  for (const name of ['stacks', 'frames'] as const) {
    const value = options[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw new OptionError(`guard(): ${name} is a whole number from 0, and not ${String(value)}`)
    }
  }
}
