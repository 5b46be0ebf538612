/**
 * A thread's private read cache: key -> where its entry stands, and for values that are not plain words the decoded
 * value. Each read checks the entry in shared memory, so it is as linearizable as a read without it.
 */
export class Cached<V> {
  constructor(
    readonly entry: number,
    readonly generation: number,
    readonly shard: number,
    readonly version: number,
    readonly low: number,
    readonly high: number,
    readonly value: V,
  ) {}
}

/** At most `limit` keys; the one that came first goes first. */
export class ReadCache<V> {
  readonly #limit: number
  readonly #map = new Map<unknown, Cached<V>>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: unknown): Cached<V> | undefined {
    return this.#map.get(key)
  }

  set(key: unknown, cached: Cached<V>): void {
    if (this.#map.size >= this.#limit && !this.#map.has(key)) {
      this.#map.delete(this.#map.keys().next().value)
    }
    this.#map.set(key, cached)
  }

  delete(key: unknown): void {
    this.#map.delete(key)
  }

  clear(): void {
    this.#map.clear()
  }

  get size(): number {
    return this.#map.size
  }
}

/** In development the cached objects are frozen, since all readers of the thread share them. */
export function shouldFreeze(): boolean {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env
  return env !== undefined && env.NODE_ENV !== 'production'
}

export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
}
