/**
 * Keys, access orders and operation mixes. Everything follows from a seed, and bench/go/main.go makes the same keys and
 * the same operations from the same seed, so that both languages do the same work.
 */

/** 2^32, to turn 32 random bits into a fraction. */
const TWO_32 = 4294967296
/** Ids are six digits, as in `user:123456`: 100000 to 999999. */
const FIRST_ID = 100_000
const IDS = 900_000
/** A prime that does not divide 900,000: multiples of it visit every id once before one repeats. */
const ID_STEP = 524_287
/** Length of `user:123456`. */
export const KEY_LENGTH = 11

/** The generator mulberry32: small, and the same four lines in Go. Returns fractions in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / TWO_32
  }
}

/** The `index`-th id; distinct for indexes below 900,000. */
export function id(index: number): number {
  return FIRST_ID + ((index * ID_STEP) % IDS)
}

/**
 * Keys `from` to `from + count` side by side in one buffer. Strings sliced out of it are flat, one byte a character,
 * not internalised, and their hash is not computed yet: what a parser or a socket hands over.
 */
export function keyBytes(count: number, from = 0): Buffer {
  const bytes = Buffer.alloc(count * KEY_LENGTH)
  for (let i = 0; i < count; i++) bytes.write(`user:${id(from + i)}`, i * KEY_LENGTH, 'latin1')
  return bytes
}

export function stringKeys(count: number, from = 0): string[] {
  const bytes = keyBytes(count, from)
  return Array.from({ length: count }, (_, i) => bytes.toString('latin1', i * KEY_LENGTH, (i + 1) * KEY_LENGTH))
}

/** A flat one-byte string. Concatenation would leave a rope, which the first lookup flattens at its own cost. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/**
 * The order of reads of one thread: whole shuffles of all keys one after another, so that each key is read equally
 * often. At least 8,192 long: a shorter order would be learnt by the branch predictor; a longer one (64 KB of pointers)
 * would take the L2 cache away from the map of 4,096 keys.
 */
export function readOrder(keys: number, seed: number): Uint32Array {
  const next = random(seed)
  const repeats = Math.ceil(8192 / keys)
  const order = new Uint32Array(keys * repeats)
  for (let r = 0; r < repeats; r++) {
    const part = order.subarray(r * keys, (r + 1) * keys)
    for (let i = 0; i < keys; i++) part[i] = i
    for (let i = keys - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1))
      const swapped = part[i]
      part[i] = part[j]
      part[j] = swapped
    }
  }
  return order
}

export interface Mix {
  keys: number
  /** Reads in 100 operations; the rest are writes of keys that exist. */
  reads: number
  /** The exponent of a Zipf distribution of the keys; 0 for the uniform one. */
  zipf: number
  seed: number
}

/**
 * The operations of one thread, repeated for as long as it runs: key index * 2, plus 1 for a write. 2^15 of them (128
 * KB) for keys that fit the L2 cache, and 2^18 for more, which touch 93% of 100,000 keys.
 */
export function operations(mix: Mix, thread: number): Uint32Array {
  const next = random(mix.seed + thread)
  const pick = mix.zipf > 0 ? zipf(mix.keys, mix.zipf, next) : () => Math.floor(next() * mix.keys)
  const ops = new Uint32Array(mix.keys <= 8192 ? 1 << 15 : 1 << 18)
  for (let i = 0; i < ops.length; i++) {
    const index = pick()
    ops[i] = index * 2 + (next() * 100 < mix.reads ? 0 : 1)
  }
  return ops
}

/** Ranks drawn from a Zipf distribution, by binary search in its cumulated weights. Rank 0 is the most frequent. */
function zipf(count: number, exponent: number, next: () => number): () => number {
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1) ** exponent
    cumulated[i] = sum
  }
  return () => {
    const target = next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulated[middle] < target) low = middle + 1
      else high = middle
    }
    return low
  }
}
