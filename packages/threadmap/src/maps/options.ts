/** The options of the constructors, their checks, and the header that follows from them. */
import { platform } from '#platform'
import { BACKOFF_OPTIONS, type BackoffOptions } from '../bridge/backoff.js'
import { DEFAULTS, HASH_NAMES, HASHES, type HashName, type Header, headerOf, randomSeed } from '../bridge/header.js'
import * as L from '../bridge/layout.generated.js'
import { MAP_KINDS, type MapKind, POLICIES } from '../bridge/policies.js'
import { LARGEST_BYTES } from '../bridge/session.js'
import type { KeyCodec, ValueCodec } from '../codec/codec.js'
import { OptionError } from '../errors/classes.js'
import { refuseUnknown } from '../errors/unknown-options.js'

/** What every map's constructor takes. Only `key` and `value` are required. */
export interface MapOptions<K, V> {
  /** How keys are stored: `string`, `f64`, `i64` or `bytes`. */
  key: KeyCodec<K>
  /** How values are stored: a key codec, `u32`, `bool`, `json<T>()` or `json(schema)`, `struct({...})`, or a codec of your own. */
  value: ValueCodec<V>
  /** How many entries to make room for at once. The map grows beyond it. Default 16. */
  capacity?: number
  /** The largest size of the shared memory in bytes, at most 4 GiB. Default 1 GiB (reserved, not used, until needed). */
  maxBytes?: number
  /**
   * How many keys each thread may keep in its private read cache. Default 0: no cache. No reader can change the value of another
   * reader: `json` and `struct` values are frozen, `bytes` are copied, codecs of your own decode anew unless they have `immutable` or
   * `clone`.
   */
  cache?: number
  /** The hash function. Default `default`. */
  hash?: HashName
  /**
   * The seed of the hash, 64 bits. Default random: then nobody outside can choose keys that collide in the hash `default`. With a
   * seed of yours the hash is the same in every run; keep it secret where others choose the keys.
   */
  seed?: bigint
  /** How long to wait for a lock in milliseconds, before `LockTimeoutError`. Default 5000. */
  lockTimeout?: number
  /** How long `getOrInsertComputed` waits for another thread's function in milliseconds. Default 60000. */
  computeTimeout?: number
  /** How a thread waits for a lock before it sleeps. */
  backoff?: BackoffOptions
}

/** The options of `ShardedMap` and `FastMap`. */
export interface ShardedOptions<K, V> extends MapOptions<K, V> {
  /**
   * How many shards: a power of two from 1 to 1024. Default: 4 for each thread that the machine runs at once, 8 at least and 64
   * at most. Each takes some 4 KiB pages of its own: a map of 1,000 numbers takes about 108 kB with 8 shards, 575 kB with 64.
   */
  shards?: number
}

/** The options of `UnsafeMap`. */
export interface UnsafeOptions<K, V> extends MapOptions<K, V> {
  /**
   * Whether concurrent misuse is detected. Default true. With false, updates of existing keys are plain reads and writes
   * that other threads can overwrite (as in an undetected race); the memory stays whole nevertheless.
   */
  detect?: boolean
}

/** The options of all maps. `checkOptions` refuses those that a kind does not take. */
export type AnyOptions<K, V> = MapOptions<K, V> & Partial<ShardedOptions<K, V> & UnsafeOptions<K, V>>

/** Shards by default: four for each thread that the machine runs at once, in whole powers of two between the limits. */
const SHARDS_PER_THREAD = 4
const FEWEST_SHARDS = 8
const MOST_SHARDS = 64
/** The largest value of the option `shards`. */
export const LARGEST_SHARDS = 2 ** L.MOST_SHARD_BITS
export const DEFAULT_MAX_BYTES = 1024 ** 3

/** A default replaces undefined only: null is a mistake, which the checks report. */
export function or<T>(value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : value
}

export function whole(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw new OptionError(`the option ${name} must be a whole number from ${low} to ${high}, and is ${String(value)}`)
  }
  return value
}

const OPTIONS = [
  'key',
  'value',
  'capacity',
  'maxBytes',
  'cache',
  'hash',
  'seed',
  'lockTimeout',
  'computeTimeout',
  'backoff',
  'shards',
  'detect',
]
const ATTACH_OPTIONS = ['value', 'cache']

/** Checks the options that `attach` takes beside the handle. */
export function checkAttachOptions(kind: MapKind, options: object): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`${kind}.attach() takes an object of options after the handle, and got ${String(options)}`)
  }
  refuseUnknown(`${kind}.attach()`, options, ATTACH_OPTIONS)
}

export function defaultShards(): number {
  const wanted = 2 ** Math.ceil(Math.log2(platform.hardwareThreads() * SHARDS_PER_THREAD))
  return Math.min(Math.max(wanted, FEWEST_SHARDS), MOST_SHARDS)
}

/** Checks the cache option, which each thread chooses for itself. */
export function cacheSize(value: number | undefined): number {
  return whole('cache', or(value, 0), 0, 2 ** 24)
}

export interface CheckedOptions {
  maxBytes: number
  cache: number
  header: Header
}

/** Checks the options of a new map of this kind. */
export function checkOptions<K, V>(kind: MapKind, options: AnyOptions<K, V>, valueType: number): CheckedOptions {
  const policy = POLICIES[kind]
  refuseUnknown(
    `new ${kind}()`,
    options,
    OPTIONS.filter(name => name !== 'detect' || policy.detectsMisuse),
  )
  const maxBytes = whole('maxBytes', or(options.maxBytes, DEFAULT_MAX_BYTES), 256 * 1024, LARGEST_BYTES)
  const capacity = whole('capacity', or(options.capacity, DEFAULTS.capacity), 0, 2 ** 28)
  const shards = shardsOf(kind, options.shards)
  const header = commonHeader(policy.number, shards, capacity, options, valueType)
  return { maxBytes, cache: cacheSize(options.cache), header }
}

/** The header for what maps and caches have in common. */
export function commonHeader<K, V>(
  policy: number,
  shards: number,
  capacity: number,
  options: AnyOptions<K, V>,
  valueType: number,
): Map<number, number> {
  const shardBits = Math.log2(shards)
  if (!Number.isInteger(shardBits)) {
    throw new OptionError(`the option shards must be a power of two from 1 to ${LARGEST_SHARDS}, and is ${shards}`)
  }
  const hash = or(options.hash, 'default')
  if (!HASH_NAMES.includes(hash))
    throw new OptionError(`the option hash must be one of ${HASH_NAMES.join(', ')}, and is ${String(options.hash)}`)
  const seed = seedWords(options.seed)
  const backoff = or(options.backoff, {})
  if (typeof backoff !== 'object' || backoff === null) {
    throw new OptionError(`the option backoff must be { initialDelay, maxRetries }, and is ${String(backoff)}`)
  }
  refuseUnknown('the option backoff', backoff, BACKOFF_OPTIONS)
  return headerOf({
    policy,
    shardBits,
    capacity: capacity / shards,
    hash: HASHES[hash],
    seed,
    valueType,
    lockTimeout: whole('lockTimeout', or(options.lockTimeout, DEFAULTS.lockTimeout), 1, 2 ** 31 - 1),
    computeTimeout: whole('computeTimeout', or(options.computeTimeout, DEFAULTS.computeTimeout), 1, 2 ** 31 - 1),
    backoffDelay: whole('backoff.initialDelay', or(backoff.initialDelay, DEFAULTS.backoffDelay), 0, 1e6),
    backoffRetries: whole('backoff.maxRetries', or(backoff.maxRetries, DEFAULTS.backoffRetries), 0, 1000),
    detect: options.detect !== false,
  })
}

function shardsOf(kind: MapKind, wanted: number | undefined): number {
  if (POLICIES[kind].isSharded) return whole('shards', or(wanted, defaultShards()), 1, LARGEST_SHARDS)
  if (wanted === undefined || wanted === 1) return 1
  const sharded = MAP_KINDS.filter(each => POLICIES[each].isSharded)
  throw new OptionError(`${kind} has one shard; use ${sharded.join(' or ')} for shards: ${wanted}`)
}

function seedWords(seed: bigint | undefined): [number, number] {
  if (seed === undefined) return randomSeed()
  if (typeof seed !== 'bigint' || seed < 0n || seed >= 2n ** 64n) {
    throw new OptionError(`the option seed must be a bigint from 0 to 2^64 - 1, and is ${String(seed)}`)
  }
  return [Number(seed & 0xffffffffn), Number(seed >> 32n)]
}
