/**
 * The look of a map in `console.log` and in test runners. Nothing here may throw, take long, or show the memory: a map can hold
 * gigabytes, and another thread can hold its locks.
 */

/** Node, Bun and Deno call a method of this name to show an object. */
export const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * Jest and Vitest compare objects with this property and a `size` by their keys instead of by their order. Without the property two equal
 * maps would differ, because each map has an order of its own.
 */
export const COMPARED_BY_KEY = '@@__IMMUTABLE_KEYED__@@'

/** The options of Node's `util.inspect` that this module uses. */
export interface InspectOptions {
  maxArrayLength?: number | null | undefined
}
export type Inspect = (value: unknown, options: object) => string

/** How many entries are shown by default: Node's own number. */
const SHOWN = 100

/** Shows a map as Node shows a `Map`, as in `FastMap(2) { 'a' => 1, 'b' => 2 }`. */
export function inspectMap(
  name: string,
  map: { readonly size: number; entries(): Iterable<[unknown, unknown]> },
  depth: number | null,
  options: InspectOptions,
  inspect: Inspect | undefined,
): string {
  if ((depth !== null && depth < 0) || inspect === undefined) return `[${name}]`
  try {
    const limit = options.maxArrayLength === null ? Number.POSITIVE_INFINITY : (options.maxArrayLength ?? SHOWN)
    const size = map.size
    const shown = new Map<unknown, unknown>()
    // One entry beyond the limit, which Node leaves out: then it says that there are more.
    for (const [key, value] of map.entries()) {
      shown.set(key, value)
      if (shown.size > limit) break
    }
    const text = inspect(shown, { ...options, depth }).replace(/^Map\(\d+\)/, () => `${name}(${size})`)
    if (shown.size <= limit || size <= limit + 1) return text
    return text.replace(/1 more item(?=\s*\}$)/, `${size - limit} more items`)
  } catch (error) {
    // The map was disposed, or a lock timed out: the line of the log must come nevertheless.
    return `${name} { <${error instanceof Error ? error.message : String(error)}> }`
  }
}
