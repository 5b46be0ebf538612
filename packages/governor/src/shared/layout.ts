/**
 * The governor's shared memory: where each part begins. Every part consists of 32-bit words (or pairs of them for floats) that are valid by
 * themselves: a thread may die between any two writes, and the others go on.
 */
import { AttachError } from 'threadmap'

/** `TMGV`, as a little-endian word. */
export const MAGIC_WORD = 0x56474d54
/** Raised whenever an older reader would misread the memory. */
export const FORMAT = 2

// The header, by word.
export const H_MAGIC = 0
export const H_FORMAT = 1
export const H_SHARDS = 2
export const H_DISABLED = 4
/** The slot of the thread that leads, plus one; 0: none. */
export const H_LEADER = 5
/** When the leader was last heard of, in milliseconds of the shared clock modulo 2^31. */
export const H_BEAT = 6
/** The number of the last look that a thread has begun. */
export const H_LOOK = 7
/** Transitions that were ever begun. */
export const H_TRANSITIONS = 8
/** Whether most shards are slow. */
export const H_BACKEND_SLOW = 9
/** When the governor was made: of the shared clock, and as `Date.now()`; two floats. */
export const H_STARTED = 12
export const H_STARTED_DATE = 14
const HEADER_WORDS = 32

/** Places for threads, as many as a map has. */
export const THREADS = 256

// The counters of a shard, by word. The buckets of its latencies follow.
export const C_ERRORS = 0
export const C_REFUSED = 1
export const C_QUEUED = 2
export const C_REROUTED = 3
export const C_COPIES = 4
export const C_JOINED = 5
export const C_DEGRADED = 6
export const C_PROBES = 7
export const C_PROBE_ERRORS = 8
/** Operations that threw what is no failure of the shard. */
export const C_EXCUSED = 9
export const COUNTERS = 16

// What the policy remembers of a shard: floats.
export const S_FLOATS = 24

/** How many transitions are kept, and the words of each. */
export const TRANSITIONS = 256
export const TRANSITION_WORDS = 24

/** Versions of keys: a write moves its key's version on, and so invalidates the copies. */
export const VERSIONS = 4096

/** The most keys that a thread publishes, and the bytes of a key's text. */
export const PUBLISHED = 64
export const KEY_BYTES = 192
/** {hash, shard, count as a float of 32 bits, bytes of the text} and the text. */
export const PUBLISHED_WORDS = 4 + KEY_BYTES / 4
/** {sequence, number of keys, samples as a float of 32 bits, operations for each sample as such a float}. */
export const PUBLISHED_HEADER = 4

/** How many maps are watched at most, and the words of each: {state, bytes of the names} and the names. */
export const MAPS = 4
export const MAP_WORDS = 64

/** The looks that are kept: `fine` for windows up to a minute, `coarse` up to the long one. */
export interface Rings {
  readonly fine: number
  readonly coarse: number
  /** Looks between two that are kept in the coarse ring. */
  readonly step: number
}

export interface Layout {
  readonly shards: number
  /** log2 of the buckets for each power of two. */
  readonly subBits: number
  /** Words of a shard's counters and buckets. */
  readonly row: number
  readonly rings: Rings
  /** Words between two looks in a ring: {number of the look, 0, time as a float} and the rows of all shards. */
  readonly look: number
  readonly slots: number
  readonly inFlight: number
  readonly control: number
  readonly limit: number
  readonly arrival: number
  readonly permits: number
  readonly state: number
  readonly transitions: number
  readonly versions: number
  readonly keys: number
  readonly maps: number
  readonly counts: number
  readonly carries: number
  readonly ring: number
  readonly words: number
}

/** 2^26 us are 67 s; a longer operation counts as one of 67 s. */
export const LATENCY_BITS = 26
/** Above this many shards the histograms have half the buckets, so that 4,096 shards take 100 MB and not 180. */
const FINE_SHARDS = 512

export function layoutOf(shards: number, looksPerMinute: number, looksPerLong: number): Layout {
  const subBits = shards > FINE_SHARDS ? 3 : 4
  const row = COUNTERS + (LATENCY_BITS - subBits + 1) * 2 ** subBits
  const step = Math.max(1, Math.round(looksPerLong / 10))
  const rings = { fine: looksPerMinute + 2, coarse: Math.ceil(looksPerLong / step) + 2, step }
  const look = 4 + shards * row
  let at = HEADER_WORDS
  // Parts begin at multiples of 128 bytes, so that two threads rarely write the same line.
  const part = (words: number) => {
    const start = at
    at = Math.ceil((at + words) / 32) * 32
    return start
  }
  return {
    shards,
    subBits,
    row,
    rings,
    look,
    slots: part(THREADS),
    inFlight: part(THREADS * Math.ceil(shards / 32) * 32),
    control: part(shards),
    limit: part(shards * 2),
    arrival: part(shards * 2),
    permits: part(shards * 64),
    state: part(shards * S_FLOATS * 2),
    transitions: part(TRANSITIONS * TRANSITION_WORDS),
    versions: part(VERSIONS),
    // Each thread publishes its operations' keys, and those of its reads of each watched map.
    keys: part(THREADS * (1 + MAPS) * (PUBLISHED_HEADER + PUBLISHED * PUBLISHED_WORDS)),
    maps: part(MAPS * MAP_WORDS),
    counts: part(shards * row),
    carries: part(shards * row),
    ring: part((rings.fine + rings.coarse) * look),
    words: at,
  }
}

/** The memory as words, floats of 64 bits and floats of 32 bits. */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer
  readonly layout: Layout
  readonly words: Int32Array
  readonly floats: Float64Array
  readonly shortFloats: Float32Array

  constructor(buffer: SharedArrayBuffer, layout: Layout) {
    this.buffer = buffer
    this.layout = layout
    this.words = new Int32Array(buffer)
    this.floats = new Float64Array(buffer)
    this.shortFloats = new Float32Array(buffer)
  }

  static create(layout: Layout): SharedMemory {
    const memory = new SharedMemory(new SharedArrayBuffer(layout.words * 4), layout)
    memory.words[H_FORMAT] = FORMAT
    memory.words[H_SHARDS] = layout.shards
    Atomics.store(memory.words, H_MAGIC, MAGIC_WORD)
    return memory
  }

  static attach(buffer: unknown, layout: Layout): SharedMemory {
    if (Object.prototype.toString.call(buffer) !== '[object SharedArrayBuffer]') {
      throw new AttachError('the handle of a Governor has no SharedArrayBuffer')
    }
    const shared = buffer as SharedArrayBuffer
    if (shared.byteLength !== layout.words * 4) {
      throw new AttachError(
        `the memory of the handle has ${shared.byteLength} bytes, and a Governor with its settings has ${layout.words * 4}; pass the handle on as it is`,
      )
    }
    const memory = new SharedMemory(shared, layout)
    if (memory.words[H_MAGIC] !== MAGIC_WORD || memory.words[H_FORMAT] !== FORMAT) {
      throw new AttachError(
        `the memory of the handle is none of a Governor of format ${FORMAT}; all threads must load one version of @threadmap/governor`,
      )
    }
    return memory
  }
}
