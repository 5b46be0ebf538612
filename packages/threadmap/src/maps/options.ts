/** Checks the options of the constructors, and turns them into the words of the header. */
import { platform } from '#platform'
import { OptionError } from '../errors.js'
import { KINDS } from '../bridge/check-memory.js'
import * as L from '../bridge/layout.generated.js'
import { LARGEST_BYTES } from '../bridge/session.js'
import type { HashName, MapKind, MapOptions, ShardedOptions, UnsafeOptions } from '../types.js'
import { BACKOFF_OPTIONS, refuseUnknown } from '../unknown-options.js'

/** In the order of the kernel's HASH numbers. */
export const HASHES: readonly HashName[] = ['default', 'fnv1a', 'xxhash32', 'xxhash64']

/** Shards by default: so many for each thread that the machine runs at once, in whole powers of two between the limits. */
const SHARDS_PER_THREAD = 4
const FEWEST_SHARDS = 8
const MOST_SHARDS = 64
const DEFAULT_CAPACITY = 16
const DEFAULT_MAX_BYTES = 1024 ** 3
const DEFAULT_LOCK_TIMEOUT = 5000
/** As in Go's sync.Mutex: long against a wake-up (0.1 ms), short against any time-out. */
const HANDOVER_US = 1000
const DEFAULT_COMPUTE_TIMEOUT = 60_000
// About the time that another thread is inside a shard; after the last pause, 3 microseconds, sleeping costs less.
const DEFAULT_BACKOFF_DELAY = 100
const DEFAULT_BACKOFF_RETRIES = 6
/** Entries per bucket before a table doubles (kernel/table/table.ts). */
const BUCKET_LOAD = 6

/** A default is for what is missing; null is a mistake, and is told so. */
function or<T>(value: T | undefined, otherwise: T): T {
  return value === undefined ? otherwise : value
}

function whole(name: string, value: unknown, low: number, high: number): number {
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

/** Checks what `attach` takes beside the handle. */
export function checkAttachOptions(kind: MapKind, options: object): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`${kind}.attach() takes an object of options after the handle, and got ${String(options)}`)
  }
  refuseUnknown(`${kind}.attach()`, options, ATTACH_OPTIONS)
}

function defaultShards(): number {
  const wanted = 2 ** Math.ceil(Math.log2(platform.hardwareThreads() * SHARDS_PER_THREAD))
  return Math.min(Math.max(wanted, FEWEST_SHARDS), MOST_SHARDS)
}

/** Checks the cache option, which is a thread's own affair. */
export function cacheSize(value: number | undefined): number {
  return whole('cache', or(value, 0), 0, 2 ** 24)
}

export interface CheckedOptions {
  maxBytes: number
  cache: number
  header: Map<number, number>
}

export type AnyOptions<K, V> = MapOptions<K, V> & Partial<ShardedOptions<K, V> & UnsafeOptions<K, V>>

/** The header's words for a map of this kind. */
export function checkOptions<K, V>(kind: MapKind, options: AnyOptions<K, V>, valueType: number): CheckedOptions {
  refuseUnknown(
    `new ${kind}()`,
    options,
    OPTIONS.filter(name => name !== 'detect' || kind === 'UnsafeMap'),
  )
  const maxBytes = whole('maxBytes', or(options.maxBytes, DEFAULT_MAX_BYTES), 256 * 1024, LARGEST_BYTES)
  const capacity = whole('capacity', or(options.capacity, DEFAULT_CAPACITY), 0, 2 ** 28)
  const sharded = kind === 'ShardedMap' || kind === 'FastMap'
  if (!sharded && options.shards !== undefined && options.shards !== 1) {
    throw new OptionError(`${kind} has one shard; use ShardedMap or FastMap for shards: ${options.shards}`)
  }
  const shards = sharded ? whole('shards', or(options.shards, defaultShards()), 1, 1024) : 1
  const shardBits = Math.log2(shards)
  if (!Number.isInteger(shardBits)) {
    throw new OptionError(`the option shards must be a power of two from 1 to 1024, and is ${shards}`)
  }
  const hash = HASHES.indexOf(or(options.hash, 'default'))
  if (hash < 0)
    throw new OptionError(`the option hash must be one of ${HASHES.join(', ')}, and is ${String(options.hash)}`)
  const [seedLow, seedHigh] = seedWords(options.seed)
  const backoff = or(options.backoff, {})
  if (typeof backoff !== 'object' || backoff === null) {
    throw new OptionError(`the option backoff must be { initialDelay, maxRetries }, and is ${String(backoff)}`)
  }
  refuseUnknown('the option backoff', backoff, BACKOFF_OPTIONS)
  const header = new Map<number, number>([
    [L.H_POLICY, KINDS.indexOf(kind)],
    [L.H_SHARD_BITS, shardBits],
    [L.H_HASH, hash],
    [L.H_VALUE_TYPE, valueType],
    [L.H_SEED, seedLow],
    [L.H_SEED + 4, seedHigh],
    [L.H_LOCK_TIMEOUT, whole('lockTimeout', or(options.lockTimeout, DEFAULT_LOCK_TIMEOUT), 1, 2 ** 31 - 1)],
    [L.H_COMPUTE_TIMEOUT, whole('computeTimeout', or(options.computeTimeout, DEFAULT_COMPUTE_TIMEOUT), 1, 2 ** 31 - 1)],
    [L.H_BACKOFF_DELAY, whole('backoff.initialDelay', or(backoff.initialDelay, DEFAULT_BACKOFF_DELAY), 0, 1e6)],
    [L.H_BACKOFF_RETRIES, whole('backoff.maxRetries', or(backoff.maxRetries, DEFAULT_BACKOFF_RETRIES), 0, 1000)],
    [L.H_HANDOVER, HANDOVER_US],
    [L.H_INITIAL_BITS, tableBits(capacity / shards)],
    [L.H_DETECT, options.detect === false ? 0 : 1],
    [L.H_IDENTITY, randomWord()],
  ])
  return { maxBytes, cache: cacheSize(options.cache), header }
}

/** log2 of the buckets that hold `entries`. */
function tableBits(entries: number): number {
  let bits = 0
  while (bits < L.MAX_TABLE_BITS && BUCKET_LOAD * 2 ** bits < entries) bits++
  return bits
}

function seedWords(seed: bigint | undefined): [number, number] {
  if (seed === undefined) return [randomWord(), randomWord()]
  if (typeof seed !== 'bigint' || seed < 0n || seed >= 2n ** 64n) {
    throw new OptionError(`the option seed must be a bigint from 0 to 2^64 - 1, and is ${String(seed)}`)
  }
  return [Number(seed & 0xffffffffn), Number(seed >> 32n)]
}

function randomWord(): number {
  return globalThis.crypto?.getRandomValues !== undefined
    ? globalThis.crypto.getRandomValues(new Uint32Array(1))[0]
    : Math.floor(Math.random() * 2 ** 32)
}
