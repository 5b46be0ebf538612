/** `fetch` of a cache: hits, and what is to be loaded. */
import * as L from '../bridge/layout.generated.js'
import { OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { CacheCore } from './core.js'
import {
  checkFetchOptions,
  type FetchDefaults,
  type FetchOptions,
  type FetchSettings,
  type Loader,
} from './fetch-options.js'
import { Flights } from './flights.js'
import { KernelLoads } from './kernel-loads.js'

const NONE: FetchOptions = {}

/** What a cache needs for `fetch` in this thread. */
export class Fetching<K, V> {
  readonly #core: CacheCore<K, V>
  readonly #flights: Flights<K, V>
  readonly #defaults: Required<FetchDefaults>
  readonly #usual: FetchSettings

  constructor(core: CacheCore<K, V>) {
    const time = (address: number): number => core.scratch.f64[address >>> 3]
    this.#core = core
    this.#flights = new Flights(new KernelLoads(core))
    this.#defaults = {
      loadTimeout: time(L.H_LOAD_TIMEOUT),
      staleWhileRevalidate: time(L.H_STALE_WHILE_REVALIDATE),
      staleIfError: time(L.H_STALE_IF_ERROR),
      refreshAfter: time(L.H_REFRESH_AFTER),
      negativeTtl: time(L.H_NEGATIVE_TTL),
    }
    this.#usual = checkFetchOptions(NONE, this.#defaults)
  }

  async fetch(key: K, loader: Loader<K, V>, options: FetchOptions | undefined): Promise<V | undefined> {
    if (typeof loader !== 'function') throw new OptionError(`fetch() takes a function, and got ${quote(loader)}`)
    const settings = options === undefined ? this.#usual : checkFetchOptions(options, this.#defaults)
    settings.signal?.throwIfAborted()
    if (settings.forceRefresh || this.#core.find(key) !== L.PRESENT) return this.#flights.fetch(key, loader, settings)
    const age = this.#core.age()
    const value = this.#core.result()
    if (settings.status !== undefined) Object.assign(settings.status, { from: 'hit', age })
    if (age > settings.refreshAfter) this.#flights.refresh(key, loader, settings)
    return value
  }

  /** Ends all loads and waits of this thread. */
  end(): void {
    this.#flights.end()
  }
}
