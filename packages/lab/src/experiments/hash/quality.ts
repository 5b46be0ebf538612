import { chiSquaredStatistic } from './chi-square.js'

/** How evenly keys are spread over places (shards, buckets). */
export interface Balance {
  readonly places: number
  readonly longest: number
  readonly mean: number
  /** Chi-square in standard deviations from the value of a random function: within about 3 is random. */
  readonly deviation: number
}

/** The evenness of `hashes` modulo `places`, a power of two: a sharded map that takes a published hash as it is does this. */
export function balance(hashes: readonly bigint[], places: number): Balance {
  const counts = new Array<number>(places).fill(0)
  const mask = BigInt(places - 1)
  for (const hash of hashes) counts[Number(hash & mask)]++
  return balanceOf(counts)
}

/** The evenness of these counts of keys per place. */
export function balanceOf(counts: readonly number[]): Balance {
  const places = counts.length
  const mean = counts.reduce((sum, count) => sum + count, 0) / places
  const degrees = places - 1
  return {
    places,
    // Not `Math.max(...counts)`, which would take one argument per place.
    longest: counts.reduce((most, count) => Math.max(most, count), 0),
    mean,
    deviation: (chiSquaredStatistic(counts, mean) - degrees) / Math.sqrt(2 * degrees),
  }
}

/** Pairs of keys with the same low 32 bits, and how many a random function would give (the birthday bound). */
export function collisions32(hashes: readonly bigint[]): { found: number; expected: number } {
  const seen = new Map<number, number>()
  let found = 0
  for (const hash of hashes) {
    const low = Number(hash & 0xffffffffn)
    const before = seen.get(low) ?? 0
    found += before
    seen.set(low, before + 1)
  }
  return { found, expected: (hashes.length * (hashes.length - 1)) / 2 / 2 ** 32 }
}

/** The effect on the bits of the hash when one bit of the key flips. */
export interface Avalanche {
  /** The share of bits that flip, on average; a good hash flips half. */
  readonly mean: number
  /** The largest distance from one half, over all pairs of an input and an output bit: 0 (flips in half of all cases) to 1 (never, or always). */
  readonly worstBias: number
}

export function avalanche(
  hash: (bytes: Uint8Array) => bigint,
  keys: readonly Uint8Array[],
  outputBits: number,
  inputBits: number,
): Avalanche {
  const flips = new Float64Array(inputBits * outputBits)
  const tested = new Float64Array(inputBits)
  for (const key of keys) {
    const before = hash(key)
    for (let bit = 0; bit < Math.min(inputBits, key.length * 8); bit++) {
      const changed = key.slice()
      changed[bit >> 3] ^= 1 << (bit & 7)
      let difference = before ^ hash(changed)
      tested[bit]++
      for (let out = 0; difference > 0n; out++, difference >>= 1n) {
        if ((difference & 1n) === 1n) flips[bit * outputBits + out]++
      }
    }
  }
  let sum = 0
  let pairs = 0
  let worstBias = 0
  for (let bit = 0; bit < inputBits; bit++) {
    if (tested[bit] === 0) continue
    for (let out = 0; out < outputBits; out++) {
      const share = flips[bit * outputBits + out] / tested[bit]
      sum += share
      pairs++
      worstBias = Math.max(worstBias, Math.abs(2 * share - 1))
    }
  }
  return { mean: sum / pairs, worstBias }
}
