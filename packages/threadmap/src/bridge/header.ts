/**
 * The header of a new memory: the configuration for the kernel, and the names of the codecs. It is written once, before any other
 * thread knows the memory.
 */
import { AttachError } from '../errors/classes.js'
import { DEFAULT_BACKOFF } from './backoff.js'
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'

/**
 * The hash functions of the kernel. Only `default` resists keys that somebody chose so that they collide: two keys that were
 * chosen without knowledge of the seed share one of 2^b shards, or buckets, with a probability of at most 2/2^b + 2^-31
 * (NH and multiply-shift under secret words; docs/decisions/0013). `fnv1a`, `xxhash32` and `xxhash64` are for keys
 * that your own program makes, and to agree with other programs: colliding keys are easily made for them under any seed.
 */
export type HashName = 'default' | 'fnv1a' | 'xxhash32' | 'xxhash64'

/** The kernel's number of each hash function. */
export const HASHES: Readonly<Record<HashName, number>> = {
  default: L.HASH_DEFAULT,
  fnv1a: L.HASH_FNV1A,
  xxhash32: L.HASH_XXHASH32,
  xxhash64: L.HASH_XXHASH64,
}

export const HASH_NAMES = Object.keys(HASHES) as readonly HashName[]

/** The header's words, by address. */
export type Header = ReadonlyMap<number, number>

/** The configuration of a memory. Times are in milliseconds. */
export interface Configuration {
  /** The kernel's number of the policy. */
  readonly policy: number
  readonly shardBits: number
  /** How many entries each shard has room for from the start. */
  readonly capacity: number
  /** The kernel's number of the hash function. */
  readonly hash: number
  /** The two halves of the seed, the lower one first. */
  readonly seed: readonly [number, number]
  /** The TYPE number of the layout. */
  readonly valueType: number
  readonly lockTimeout: number
  readonly computeTimeout: number
  /** The first pause of a waiting thread in nanoseconds, and how many pauses it makes before it sleeps. */
  readonly backoffDelay: number
  readonly backoffRetries: number
  /** Whether an UnsafeMap looks for misuse. */
  readonly detect: boolean
}

/** The values of what a program leaves out. */
export const DEFAULTS = {
  capacity: 16,
  hash: L.HASH_DEFAULT,
  lockTimeout: 5000,
  computeTimeout: 60_000,
  backoffDelay: DEFAULT_BACKOFF.initialDelay,
  backoffRetries: DEFAULT_BACKOFF.maxRetries,
  detect: true,
} as const satisfies Partial<Configuration>

/** How long a thread waits until a lock is handed over to it, in microseconds: as in Go's sync.Mutex. It is long against a wake-up (0.1 ms), short against any time-out. */
const HANDOVER_US = 1000

export function headerOf(configuration: Configuration): Map<number, number> {
  const [seedLow, seedHigh] = configuration.seed
  return new Map([
    [L.H_POLICY, configuration.policy],
    [L.H_SHARD_BITS, configuration.shardBits],
    [L.H_HASH, configuration.hash],
    [L.H_VALUE_TYPE, configuration.valueType],
    [L.H_SEED, seedLow],
    [L.H_SEED + 4, seedHigh],
    [L.H_LOCK_TIMEOUT, configuration.lockTimeout],
    [L.H_COMPUTE_TIMEOUT, configuration.computeTimeout],
    [L.H_BACKOFF_DELAY, configuration.backoffDelay],
    [L.H_BACKOFF_RETRIES, configuration.backoffRetries],
    [L.H_HANDOVER, HANDOVER_US],
    [L.H_INITIAL_BITS, tableBits(configuration.capacity)],
    [L.H_DETECT, Number(configuration.detect)],
    [L.H_IDENTITY, randomWord()],
  ])
}

/** log2 of the buckets that hold `entries`. */
function tableBits(entries: number): number {
  let bits = 0
  while (bits < L.MAX_TABLE_BITS && L.MAX_LOAD * 2 ** bits < entries) bits++
  return bits
}

export function randomSeed(): [number, number] {
  return [randomWord(), randomWord()]
}

function randomWord(): number {
  return globalThis.crypto?.getRandomValues !== undefined
    ? globalThis.crypto.getRandomValues(new Uint32Array(1))[0]
    : Math.floor(Math.random() * 2 ** 32)
}

export function writeHeaderText(buffer: ArrayBufferLike, text: string): void {
  // The text is JSON, so ASCII can express it. Programs that imitate a browser (jsdom) may have no TextEncoder.
  const ascii = text.replace(/[^\x20-\x7e]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const bytes = Uint8Array.from(ascii, char => char.charCodeAt(0))
  if (bytes.length > L.TEXT_MAX - 4) {
    throw new AttachError(
      `the names of the codecs take ${bytes.length} bytes; ${L.TEXT_MAX - 4} are there for them: use fewer or shorter struct fields`,
    )
  }
  new Uint32Array(buffer)[L.H_TEXT >>> 2] = bytes.length
  new Uint8Array(buffer).set(bytes, L.H_TEXT + 4)
}

/** The codec names in the header. `attach` has checked that they are as they were written. */
export function readHeaderText(memory: MapMemory): string {
  const length = new Uint32Array(memory.buffer)[L.H_TEXT >>> 2]
  const bytes = new Uint8Array(memory.buffer, L.H_TEXT + 4, Math.min(length, L.TEXT_MAX - 4))
  return String.fromCharCode(...bytes)
}
