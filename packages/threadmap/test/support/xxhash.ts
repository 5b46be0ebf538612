/**
 * Slow and plain implementations of xxHash and FNV-1a, to compare the kernel's with. They follow the specification
 * (github.com/Cyan4973/xxHash, doc/xxhash_spec.md); `codec/hash` checks them against its vectors.
 */

const M32 = 2n ** 32n - 1n
const M64 = 2n ** 64n - 1n

interface Parameters {
  bits: bigint
  primes: readonly [bigint, bigint, bigint, bigint, bigint]
  rotations: readonly [bigint, bigint, bigint, bigint]
}

const XX32: Parameters = {
  bits: 32n,
  primes: [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn, 0x27d4eb2fn, 0x165667b1n],
  rotations: [1n, 7n, 12n, 18n],
}
const XX64: Parameters = {
  bits: 64n,
  primes: [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n],
  rotations: [1n, 7n, 12n, 18n],
}

function little(bytes: Uint8Array, at: number, length: number): bigint {
  let word = 0n
  for (let i = length - 1; i >= 0; i--) word = (word << 8n) | BigInt(bytes[at + i] as number)
  return word
}

/** Consumes whole stripes of four lanes; returns the state so far and the offset of the rest. */
function stripes(bytes: Uint8Array, seed: bigint, { bits, primes, rotations }: Parameters): [bigint, number, bigint[]] {
  const mask = 2n ** bits - 1n
  const lane = Number(bits / 8n)
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (bits - by))) & mask
  const [p1, p2, , , p5] = primes
  if (bytes.length < 4 * lane) return [(seed + p5) & mask, 0, []]
  const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map(word => word & mask)
  let at = 0
  for (; at + 4 * lane <= bytes.length; at += 4 * lane) {
    for (let i = 0; i < 4; i++) {
      const mixed = ((lanes[i] as bigint) + little(bytes, at + i * lane, lane) * p2) & mask
      lanes[i] = (rotate(mixed, bits === 32n ? 13n : 31n) * p1) & mask
    }
  }
  const sum = lanes.reduce((total, word, i) => total + rotate(word, rotations[i] as bigint), 0n) & mask
  return [sum, at, lanes]
}

export function xxhash32(bytes: Uint8Array, seed: bigint): bigint {
  const [p1, p2, p3, p4, p5] = XX32.primes
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (32n - by))) & M32
  let [hash, at] = stripes(bytes, seed & M32, XX32)
  hash = (hash + BigInt(bytes.length)) & M32
  for (; at + 4 <= bytes.length; at += 4) hash = (rotate((hash + little(bytes, at, 4) * p3) & M32, 17n) * p4) & M32
  for (; at < bytes.length; at++) hash = (rotate((hash + BigInt(bytes[at] as number) * p5) & M32, 11n) * p1) & M32
  hash = ((hash ^ (hash >> 15n)) * p2) & M32
  hash = ((hash ^ (hash >> 13n)) * p3) & M32
  return hash ^ (hash >> 16n)
}

export function xxhash64(bytes: Uint8Array, seed: bigint): bigint {
  const [p1, p2, p3, p4, p5] = XX64.primes
  const rotate = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & M64
  const round = (word: bigint): bigint => (rotate((word * p2) & M64, 31n) * p1) & M64
  let [hash, at, lanes] = stripes(bytes, seed & M64, XX64)
  for (const lane of lanes) hash = ((hash ^ round(lane)) * p1 + p4) & M64
  hash = (hash + BigInt(bytes.length)) & M64
  for (; at + 8 <= bytes.length; at += 8) hash = (rotate(hash ^ round(little(bytes, at, 8)), 27n) * p1 + p4) & M64
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((little(bytes, at, 4) * p1) & M64), 23n) * p2 + p3) & M64
    at += 4
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at] as number) * p5) & M64), 11n) * p1) & M64
  hash = ((hash ^ (hash >> 33n)) * p2) & M64
  hash = ((hash ^ (hash >> 29n)) * p3) & M64
  return hash ^ (hash >> 32n)
}

/** FNV-1a of 32 bits, from its usual offset basis. */
export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0x811c9dc5n
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 0x01000193n) & M32
  return hash
}
