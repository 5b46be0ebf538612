/**
 * What the cores of maps and of caches have in common: what `get` has to look at beside the key. Three things can want that: the map is disposed, a tool watches its
 * reads, and the read cache of this thread stands aside and waits for its next trial. `get` checks one field for all three, so each costs nothing while it is
 * absent; and reads that pass the cache by take the way of a map that has none.
 */
import type { ReadWatcher } from '../bridge/session.js'
import type { ReadCache } from './read-cache.js'

export abstract class AttentiveCore<K> {
  disposed = false
  /** Whether `get` has something else to do. */
  attention = false
  /** How many calls of `get` pass until it does so, if `attention` says that it has to. */
  passing = 0
  /** What reads use: this thread's read cache, unless it stands aside. */
  cache: ReadCache | undefined
  #readCache: ReadCache | undefined
  #watcher: ReadWatcher | undefined
  /** What `passing` was set to, and how many reads were left then until the watcher sees one, and until the next step of the cache. */
  #asked = 0
  #untilSeen = 0
  #untilStep = 0

  /** Throws the error for a map that is disposed. */
  abstract refuse(): never

  protected useCache(cache: ReadCache | undefined): void {
    this.#readCache = cache
    this.cache = cache
  }

  clearCache(): void {
    this.#readCache?.clear()
  }

  /** What `get` does before it reads, if `attention` says so. */
  attend(key: K): void {
    if (this.disposed) this.refuse()
    this.#count()
    if (this.#watcher !== undefined && this.#untilSeen <= 0) this.#untilSeen = this.#watcher.see(key)
    if (this.#isAside() && this.#untilStep <= 0) this.#step()
    this.#ask()
  }

  /** Called where the read cache is in use, and its `countdown` has ended. */
  judgeCache(): void {
    this.#count()
    this.#step()
    this.#ask()
  }

  /** From now on `watcher` sees the keys of calls of `get`; undefined ends that. */
  watch(watcher: ReadWatcher | undefined): void {
    if (watcher === this.#watcher || this.disposed) return
    this.#count()
    this.#watcher = watcher
    this.#untilSeen = 1
    this.#ask()
  }

  /** From now on every `get` is refused. */
  close(): void {
    this.disposed = true
    this.attention = true
    this.passing = 0
    this.clearCache()
    this.cache = undefined
  }

  #isAside(): boolean {
    return this.cache !== this.#readCache
  }

  #step(): void {
    const cache = this.#readCache as ReadCache
    const reads = cache.worth.step(performance.now())
    this.cache = cache.worth.isAside ? undefined : cache
    if (this.#isAside()) this.#untilStep = reads
    else cache.countdown = reads
  }

  #count(): void {
    const passed = this.#asked - this.passing
    this.#asked = this.passing
    this.#untilSeen -= passed
    this.#untilStep -= passed
  }

  #ask(): void {
    const seen = this.#watcher === undefined ? Number.POSITIVE_INFINITY : this.#untilSeen
    const step = this.#isAside() ? this.#untilStep : Number.POSITIVE_INFINITY
    const until = Math.min(seen, step)
    this.attention = until !== Number.POSITIVE_INFINITY
    this.passing = this.attention ? until : 0
    this.#asked = this.passing
  }
}
