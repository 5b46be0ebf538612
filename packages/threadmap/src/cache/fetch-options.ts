/** The options of `fetch`: of one call, and of a cache, whose values all its threads have. */
import { OptionError } from '../errors/classes.js'
import { refuseUnknown } from '../errors/unknown-options.js'

/** What a loader gets beside the key. */
export interface LoadContext<V> {
  /**
   * Aborts when nobody wants the value any more, at `loadTimeout`, and when the cache is disposed in this thread. The reason says which.
   * Pass it on to whatever the loader calls.
   */
  readonly signal: AbortSignal
  /** The value that is no longer fresh, or that is to be refreshed: to be revalidated, for example by its entity tag. */
  readonly stale: V | undefined
}

/** The function that makes the value of a key. It runs in the thread that called `fetch`. */
export type Loader<K, V, R = V> = (key: K, context: LoadContext<V>) => R | Promise<R>

/** What `fetch` tells about one call, in the object that the caller passed as `status`. */
export interface FetchStatus {
  /**
   * `hit`: the cache had a fresh value. `load`: this call's loader made it, or another one of this thread for the same key. `wait`:
   * another thread loaded it. `stale`: a value that is no longer fresh.
   */
  from?: 'hit' | 'load' | 'wait' | 'stale'
  /** Milliseconds since the value was made; for `hit` and `stale` where the cache has a `ttl`. */
  age?: number
  /** The error of the loader in whose place a stale value was returned (`staleIfError`). */
  error?: unknown
}

/** The options of a cache that `fetch` reads, and that a call can change for itself. Times are in milliseconds. */
export interface FetchDefaults {
  /**
   * How long a load may last. Then its callers get a `LoadTimeoutError`, and what the loader still returns is not stored. It also bounds how
   * long others wait for a thread that blocks, or of whose death nobody heard. Default 60000.
   */
  loadTimeout?: number
  /** How long after its `ttl` a value may be returned at once, while it is loaded anew in the background. Default 0. */
  staleWhileRevalidate?: number
  /** How long after its `ttl` a value may be returned in place of the error of its loader. Default 0. */
  staleIfError?: number
  /** At this age a value is loaded anew in the background, although it is fresh. Below `ttl`. Default Infinity. */
  refreshAfter?: number
  /** How long the error of a loader is kept for later calls, which get it without a load. Default 0. */
  negativeTtl?: number
}

/** The options of one call of `fetch`. */
export interface FetchOptions extends FetchDefaults {
  /** How long the value is fresh. Default: the cache's `ttl`. At 0 it is not stored; those who wait for it get it all the same. */
  ttl?: number
  /** Ends this call: it rejects with the signal's reason. The load ends with it only if nobody else waits, in any thread. */
  signal?: AbortSignal
  /** Loads although the cache has a fresh value. If a load of the key is under way, its value is awaited. */
  forceRefresh?: boolean
  /** Is filled in. */
  status?: FetchStatus
}

/** The options of a call with the cache's defaults for what is missing. */
export interface FetchSettings {
  readonly loadTimeout: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly refreshAfter: number
  readonly negativeTtl: number
  readonly ttl: number | undefined
  readonly signal: AbortSignal | undefined
  readonly forceRefresh: boolean
  readonly status: FetchStatus | undefined
}

export const FETCH_DEFAULTS: Required<FetchDefaults> = {
  loadTimeout: 60_000,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  refreshAfter: Number.POSITIVE_INFINITY,
  negativeTtl: 0,
}
/** The names of the options that a cache takes for `fetch`. */
export const FETCH_DEFAULT_NAMES = Object.keys(FETCH_DEFAULTS) as readonly (keyof FetchDefaults)[]
const NAMES = [...FETCH_DEFAULT_NAMES, 'ttl', 'signal', 'forceRefresh', 'status']
/** What fits into a timer. */
const LONGEST_LOAD = 2 ** 31 - 1

export function checkTime(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    const range = most === Number.POSITIVE_INFINITY ? `of ${least} or more` : `from ${least} to ${most}`
    throw new OptionError(`the option ${name} must be a number of milliseconds ${range}, and is ${String(value)}`)
  }
  return value
}

/** Checks those options of a cache, or of a call, that are `FetchDefaults`. */
export function checkFetchDefaults(
  options: FetchDefaults,
  otherwise: Required<FetchDefaults>,
): Required<FetchDefaults> {
  const or = (name: keyof FetchDefaults): unknown => (options[name] === undefined ? otherwise[name] : options[name])
  return {
    loadTimeout: checkTime('loadTimeout', or('loadTimeout'), 1, LONGEST_LOAD),
    staleWhileRevalidate: checkTime('staleWhileRevalidate', or('staleWhileRevalidate'), 0, Number.POSITIVE_INFINITY),
    staleIfError: checkTime('staleIfError', or('staleIfError'), 0, Number.POSITIVE_INFINITY),
    refreshAfter: checkTime('refreshAfter', or('refreshAfter'), 0, Number.POSITIVE_INFINITY),
    negativeTtl: checkTime('negativeTtl', or('negativeTtl'), 0, Number.POSITIVE_INFINITY),
  }
}

/** Checks the options of one call. */
export function checkFetchOptions(options: FetchOptions, defaults: Required<FetchDefaults>): FetchSettings {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`fetch() takes an object of options after the loader, and got ${String(options)}`)
  }
  refuseUnknown('fetch()', options, NAMES)
  const { ttl, signal, status, forceRefresh } = options
  if (signal !== undefined && (typeof signal !== 'object' || typeof signal?.addEventListener !== 'function')) {
    throw new OptionError('the option signal must be an AbortSignal')
  }
  if (status !== undefined && (typeof status !== 'object' || status === null)) {
    throw new OptionError(`the option status must be an object, and is ${String(status)}`)
  }
  if (forceRefresh !== undefined && typeof forceRefresh !== 'boolean') {
    throw new OptionError(`the option forceRefresh must be true or false, and is ${String(forceRefresh)}`)
  }
  return {
    ...checkFetchDefaults(options, defaults),
    ttl: ttl === undefined ? undefined : checkTime('ttl', ttl, 0, Number.POSITIVE_INFINITY),
    signal,
    status,
    forceRefresh: forceRefresh === true,
  }
}
