/** The default hash as kernel/table/hash.ts describes it, slowly and with whole numbers: a second opinion. */

const wide = (value: bigint): bigint => BigInt.asUintN(64, value)
const rotl = (value: bigint, by: bigint): bigint => wide((value << by) | (value >> (64n - by)))

/** SipHash-2-4 of the eight bytes of `word`. */
export function sipHash(key0: bigint, key1: bigint, word: bigint): bigint {
  let a = key0 ^ 0x736f6d6570736575n
  let b = key1 ^ 0x646f72616e646f6dn
  let c = key0 ^ 0x6c7967656e657261n
  let d = key1 ^ 0x7465646279746573n
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      a = wide(a + b)
      b = rotl(b, 13n) ^ a
      a = rotl(a, 32n)
      c = wide(c + d)
      d = rotl(d, 16n) ^ c
      a = wide(a + d)
      d = rotl(d, 21n) ^ a
      c = wide(c + b)
      b = rotl(b, 17n) ^ c
      c = rotl(c, 32n)
    }
  }
  for (const message of [word, 8n << 56n]) {
    d ^= message
    rounds(2)
    a ^= message
  }
  c ^= 0xffn
  rounds(4)
  return a ^ b ^ c ^ d
}

const BLOCK = 448
const PRIME = 2n ** 61n - 1n
const MASK32 = 0xffffffffn

/** `meta` is the length in bytes and the encoding, as the codecs write it. */
export function keyedHash(bytes: Uint8Array, seed: bigint, meta = bytes.length): bigint {
  // 'threadma'
  const secrets = Array.from({ length: 4 + BLOCK / 8 }, (_, i) => sipHash(seed, 0x616d646165726874n, BigInt(i)))
  const halves = secrets.flatMap(secret => [secret & MASK32, secret >> 32n])
  const padded = new Uint8Array((bytes.length + 7) & ~7)
  padded.set(bytes)
  const words = new Uint32Array(padded.buffer)
  const product = (a: bigint, b: bigint, place: number): bigint =>
    ((a + halves[place]) & MASK32) * ((b + halves[place + 1]) & MASK32)
  const sums: bigint[] = []
  for (let at = 0; at < words.length; at += BLOCK / 4) {
    let sum = 0n
    for (let i = at; i < Math.min(at + BLOCK / 4, words.length); i += 2) {
      sum += product(BigInt(words[i]), BigInt(words[i + 1]), 8 + i - at)
    }
    sums.push(wide(sum))
  }
  const point = secrets[1] & PRIME
  const body =
    bytes.length <= BLOCK
      ? (sums[0] ?? 0n)
      : sums.flatMap(sum => [sum >> 32n, sum & MASK32]).reduce((value, half) => (value * point + half) % PRIME, 0n)
  let sum = wide(product(BigInt(meta), 0n, 0) + body)
  sum = wide(sum * 0xc4ceb9fe1a85ec53n)
  sum ^= sum >> 32n
  const high = wide(sum * (secrets[2] | 1n)) >> 32n
  return (high << 32n) | (wide(sum * (secrets[3] | 1n)) >> 32n)
}
