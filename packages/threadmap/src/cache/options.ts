/** The options of a cache, their checks, and the header that follows from them. */
import * as L from '../bridge/layout.generated.js'
import type { MapMemory } from '../bridge/memory.js'
import { CACHE_POLICY } from '../bridge/policies.js'
import { LARGEST_BYTES } from '../bridge/session.js'
import type { ValueCodec } from '../codec/codec.js'
import { OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { refuseUnknown } from '../errors/unknown-options.js'
import {
  cacheSize,
  commonHeader,
  DEFAULT_MAX_BYTES,
  LARGEST_SHARDS,
  type MapOptions,
  or,
  whole,
} from '../maps/options.js'
import { capacityFor, shardsFor } from './bounds.js'
import type { EvictionListener } from './evictions.js'
import { checkFetchDefaults, FETCH_DEFAULT_NAMES, FETCH_DEFAULTS, type FetchDefaults } from './fetch-options.js'

/** The options of `SharedCache`. `key`, `value` and one bound (`max`, `maxWeight` or `maxBytes`) are required. */
export interface CacheOptions<K, V> extends Omit<MapOptions<K, V>, 'cache' | 'capacity'>, FetchDefaults {
  /** The most entries at any moment. */
  max?: number
  /** The most weight of all entries together at any moment, as `weigh` gives it. */
  maxWeight?: number
  /** The weight of an entry: a whole number from 1 on. Needed with `maxWeight`, in each thread that sets. */
  weigh?: (value: V, key: K) => number
  /**
   * Is called for each entry with a value that this thread evicted, or removed because its time was over; see docs/cache.md. It runs in this thread, in a
   * microtask after the operation. Other threads have listeners of their own. An error that it throws is an uncaught one of the thread.
   */
  onEvict?: EvictionListener<K>
  /**
   * The largest size of the shared memory in bytes, with everything in it, from 1 MiB to 4 GiB. A cache that has reached it evicts. Default
   * 1 GiB where there is another bound. A value may have an eighth of it.
   */
  maxBytes?: number
  /** How long a value is fresh after it was set, in milliseconds. Default: for ever. `set` can say otherwise for one value. */
  ttl?: number
  /** Whether a hit renews the time of its value. Default false. Precision: a hit renews only what it prolongs by a sixteenth of the ttl. */
  updateAgeOnGet?: boolean
  /** How long a value is kept after it was fresh, for reads with `allowStale`, in milliseconds. Default 0. */
  staleFor?: number
  /**
   * How far the clock of this cache may lag behind in milliseconds, so that a read of a value with a deadline takes 30 ns less. A value may then be returned so
   * long after its deadline, or, within one turn of the event loop that lasts longer, until the clock was used 64 times. Default 0: exact.
   */
  ttlResolution?: number
  /**
   * How many keys each thread may keep decoded in a private read cache; each read still asks the shared memory whether the value is the
   * current one. Default 0.
   */
  readCache?: number
  /**
   * How many shards: a power of two from 1 to 1024. Default: as `FastMap`, but no fewer than 64 entries, or 1 MiB, for each; and so many that a shard has
   * no more than 8,192 entries of `max`, or 2 MiB. A write stops the other writers of its shard for a time that grows with what the shard has.
   */
  shards?: number
}

/** The options of `get`. */
export interface GetOptions {
  /** Whether a value whose time is over may be returned, as long as it is kept (`staleFor`). Default false. */
  allowStale?: boolean
}

/** The options of `set` and of other methods that set a value. */
export interface SetOptions {
  /** How long the value is fresh, in milliseconds; Infinity: for ever. Default: the cache's `ttl`. */
  ttl?: number
}

/** The way to a cache for another thread, as a `MapHandle` is for maps. Structured-cloneable. */
export interface CacheHandle<K = unknown, V = unknown> {
  /** The version of the memory's layout. */
  readonly threadmap: number
  /** The class. */
  readonly kind: 'SharedCache'
  /** The shared memory. */
  readonly memory: MapMemory
  /** The name of the codec of the keys. */
  readonly key: string
  /** The name of the codec of the values. */
  readonly value: string
  /** How many keys the read cache of an attached thread keeps, unless `attach` is told otherwise. */
  readonly readCache: number
  /** Never present at run time. */
  readonly types?: [K, V]
}

/** The options that `attach` takes beside the handle. */
export interface CacheAttachOptions<K, V> {
  /** The codec of the values. Needed if it is your own, or `json(schema)`. */
  value?: ValueCodec<V>
  /** The weight of an entry. Needed in threads that set, if the cache has `maxWeight`. */
  weigh?: (value: V, key: K) => number
  /** Is called for each entry that this thread evicted, as the option of the constructor. */
  onEvict?: EvictionListener<K>
  /** How many keys this thread's read cache may keep. Default: as the cache was created with. */
  readCache?: number
}

const OPTIONS = [
  ...[
    'key',
    'value',
    'max',
    'maxWeight',
    'weigh',
    'onEvict',
    'maxBytes',
    'ttl',
    'updateAgeOnGet',
    'staleFor',
    'ttlResolution',
  ],
  ...FETCH_DEFAULT_NAMES,
  ...['readCache', 'shards', 'hash', 'seed', 'lockTimeout', 'computeTimeout', 'backoff'],
]
const ATTACH_OPTIONS = ['value', 'weigh', 'onEvict', 'readCache']

const LEAST_MEMORY = 1024 * 1024
/** A value may have this share of the memory. */
const LARGEST_SHARE = 8
/** The bytes of an entry and its value that the number of ghosts is reckoned with, where nothing bounds the number of entries. */
const USUAL_ENTRY = 1024
/** Of the four places in a set, on average. Each entry has nearly two ghosts. */
const GHOSTS_PER_SET = 3
const GHOSTS_PER_ENTRY = 1.8
const MOST_GHOST_BITS = 20

/** A time in milliseconds above 0, or 0 where that means "none". */
export function milliseconds(name: string, value: unknown, orNone = false): number {
  if (typeof value !== 'number' || !(value > 0 || (orNone && value === 0))) {
    throw new OptionError(`${name} must be milliseconds ${orNone ? 'from' : 'above'} 0, and is ${String(value)}`)
  }
  return value
}

export function checkCacheAttachOptions(options: object): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(
      `SharedCache.attach() takes an object of options after the handle, and got ${String(options)}`,
    )
  }
  refuseUnknown('SharedCache.attach()', options, ATTACH_OPTIONS)
  checkListener('SharedCache.attach()', options)
}

function checkListener(method: string, { onEvict }: { onEvict?: unknown }): void {
  if (onEvict === undefined || typeof onEvict === 'function') return
  throw new OptionError(`${method} takes a function as onEvict(key, reason), and got ${quote(onEvict)}`)
}

export interface CheckedCacheOptions {
  maxBytes: number
  readCache: number
  header: Map<number, number>
}

export function checkCacheOptions<K, V>(options: CacheOptions<K, V>, valueType: number): CheckedCacheOptions {
  refuseUnknown('new SharedCache()', options, OPTIONS)
  checkListener('new SharedCache()', options)
  const { max, maxWeight, weigh } = options
  if (max === undefined && maxWeight === undefined && options.maxBytes === undefined) {
    throw new OptionError('new SharedCache() needs a bound: max (entries), maxWeight with weigh, or maxBytes')
  }
  if (max !== undefined && maxWeight !== undefined) {
    throw new OptionError('new SharedCache() takes max or maxWeight, not both')
  }
  if ((maxWeight === undefined) !== (weigh === undefined) || (weigh !== undefined && typeof weigh !== 'function')) {
    throw new OptionError('new SharedCache() takes maxWeight together with a function weigh(value, key), or neither')
  }
  if (max !== undefined) whole('max', max, 1, 2 ** 28)
  if (maxWeight !== undefined) whole('maxWeight', maxWeight, 1, 2 ** 32 - 1)
  const maxBytes = whole('maxBytes', or(options.maxBytes, DEFAULT_MAX_BYTES), LEAST_MEMORY, LARGEST_BYTES)
  const ttl = options.ttl === undefined ? Number.POSITIVE_INFINITY : milliseconds('the option ttl', options.ttl)
  const ofFetch = checkFetchDefaults(options, FETCH_DEFAULTS)
  const staleFor = Math.max(
    milliseconds('the option staleFor', or(options.staleFor, 0), true),
    ofFetch.staleWhileRevalidate,
    ofFetch.staleIfError,
  )
  const resolution = milliseconds('the option ttlResolution', or(options.ttlResolution, 0), true)
  const byDefault = shardsFor(max, maxWeight, maxBytes)
  const shards = whole('shards', or(options.shards, byDefault), 1, LARGEST_SHARDS)
  const bound = max ?? maxWeight ?? Number.POSITIVE_INFINITY
  if (bound < shards) {
    throw new OptionError(
      `${max === undefined ? 'maxWeight' : 'max'} = ${bound} is less than one for each of ${shards} shards; lower shards`,
    )
  }
  const readCache = cacheSize(options.readCache)
  const capacity = capacityFor(max, maxWeight, options.maxBytes, valueType, ttl)
  const header = commonHeader(CACHE_POLICY.number, shards, capacity, options, valueType)
  const flags =
    (options.updateAgeOnGet === true ? L.CACHE_SLIDES : 0) |
    (bound === Number.POSITIVE_INFINITY ? L.CACHE_WEIGHS_BYTES : 0)
  header.set(L.H_CACHE_FLAGS, flags)
  header.set(L.H_GHOST_BITS, ghostBits(Math.min(bound, maxBytes / USUAL_ENTRY) / shards))
  header.set(L.H_LARGEST_VALUE, Math.floor(maxBytes / LARGEST_SHARE))
  const times = [
    [L.H_TTL, ttl],
    [L.H_STALE_FOR, staleFor],
    [L.H_MAX_WEIGHT, bound],
    [L.H_TTL_RESOLUTION, resolution],
    [L.H_LOAD_TIMEOUT, ofFetch.loadTimeout],
    [L.H_STALE_WHILE_REVALIDATE, ofFetch.staleWhileRevalidate],
    [L.H_STALE_IF_ERROR, ofFetch.staleIfError],
    [L.H_REFRESH_AFTER, ofFetch.refreshAfter],
    [L.H_NEGATIVE_TTL, ofFetch.negativeTtl],
  ] as const
  for (const [address, value] of times) {
    const words = new Uint32Array(Float64Array.of(value).buffer)
    header.set(address, words[0])
    header.set(address + 4, words[1])
  }
  return { maxBytes, readCache, header }
}

/** log2 of the sets that hold the ghosts of a shard with so many entries. */
function ghostBits(entries: number): number {
  return Math.min(Math.max(0, Math.round(Math.log2((entries * GHOSTS_PER_ENTRY) / GHOSTS_PER_SET))), MOST_GHOST_BITS)
}
