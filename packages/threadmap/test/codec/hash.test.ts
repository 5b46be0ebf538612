import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HashName, hash } from 'threadmap'
import { naming, Random } from '../support/random.js'
import { fnv1a, xxhash32, xxhash64 } from '../support/xxhash.js'

/** The kernel's hashes against published vectors, and against slow second opinions on random input. */

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const PRIME32 = 2654435761n
const PRIME64 = 11400714785074694797n

/** The input of xxHash's own sanity check (cli/xsum_sanity_check.c): a multiplicative sequence. */
function sanityBytes(length: number): Uint8Array {
  let state = PRIME32
  return Uint8Array.from({ length }, () => {
    const byte = Number(state >> 56n)
    state = BigInt.asUintN(64, state * PRIME64)
    return byte
  })
}

/** Length, seed, XXH32, XXH64. Lengths 1, 4, 14 and 222 are from xxHash's sanity check, the others from npm xxhash-wasm. */
const sanity: readonly (readonly [number, bigint, bigint, bigint])[] = [
  [0, 0n, 0x02cc5d05n, 0xef46db3751d8e999n],
  [0, PRIME32, 0x36b78ae7n, 0xac75fda2929b17efn],
  [1, 0n, 0xcf65b03en, 0xe934a84adb052768n],
  [1, PRIME32, 0xb4545aa4n, 0x5014607643a9b4c3n],
  [4, 0n, 0xa9de7ce9n, 0x9136a0dca57457een],
  [4, PRIME32, 0x2baafe83n, 0xcaab286bd8e9fdb5n],
  [14, 0n, 0x1208e7e2n, 0x8282dcc4994e35c8n],
  [14, PRIME32, 0x6af1d1fen, 0xc3bd6bf63deb6df0n],
  [222, 0n, 0x5bd11dbdn, 0xb641ae8cb691c174n],
  [222, PRIME32, 0x58803c5fn, 0x20cb8ab7ae10c14an],
  [255, 0n, 0xe048e445n, 0xa80f35bb0dc8e3a7n],
  [255, PRIME32, 0x9a92b749n, 0x8e7a59762640754fn],
  [256, 0n, 0x520cb910n, 0x5e3f5bf94d574981n],
  [256, PRIME32, 0x734e8a8dn, 0x34733cbd9cc1b0d5n],
]

/** Text, XXH32 and XXH64 with seed 0, and with the largest seed. */
const texts: readonly (readonly [string, bigint, bigint, bigint, bigint])[] = [
  ['a', 0x550d7456n, 0xd24ec4f1a98c6e5bn, 0xcd42752dn, 0x60c43759873ece62n],
  ['abc', 0x32d153ffn, 0x44bc2cf5ad770999n, 0xb22b1420n, 0x28306e589cc02176n],
  ['0123456789abcdef0123456789abcdef', 0xeb888d30n, 0x642a94958e71e6c5n, 0x8ea2a92dn, 0xf7b3412f66eb725en],
  ['Nobody inspects the spammish repetition', 0xe2293b2fn, 0xfbcea83c8a378bf1n, 0xe26fe6cdn, 0xaa61085cffb45675n],
  ['The quick brown fox jumps over the lazy dog', 0xe85ea4den, 0x0b242d361fda71bcn, 0x5a2a0096n, 0x9f3d039cd26eeafcn],
]

/** Landon Curt Noll's vectors of FNV-1a, 32 bits. */
const noll: readonly (readonly [string, bigint])[] = [
  ['', 0x811c9dc5n],
  ['a', 0xe40c292cn],
  ['b', 0xe70c2de5n],
  ['c', 0xe60c2c52n],
  ['foo', 0xa9f37ed7n],
  ['foob', 0x3f5076efn],
  ['fooba', 0x39aaa18an],
  ['foobar', 0xbf9cf968n],
]

test('XXH32 and XXH64 agree with the vectors of their authors', () => {
  for (const [length, seed, narrow, wide] of sanity) {
    const bytes = sanityBytes(length)
    assert.equal(hash('xxhash32', bytes, seed), narrow, `XXH32 of ${length} bytes, seed ${seed}`)
    assert.equal(hash('xxhash64', bytes, seed), wide, `XXH64 of ${length} bytes, seed ${seed}`)
  }
  for (const [text, narrow, wide, seededNarrow, seededWide] of texts) {
    assert.equal(hash('xxhash32', ascii(text)), narrow, text)
    assert.equal(hash('xxhash64', ascii(text)), wide, text)
    assert.equal(hash('xxhash32', ascii(text), 2n ** 32n - 1n), seededNarrow, text)
    assert.equal(hash('xxhash64', ascii(text), 2n ** 64n - 1n), seededWide, text)
  }
  assert.equal(hash('xxhash64', ascii('a'), 0x1234567890abcdefn), 0x24e13e82fa519133n)
})

test('FNV-1a agrees with the vectors of its authors', () => {
  for (const [text, expected] of noll) assert.equal(hash('fnv1a', ascii(text)), expected, text)
})

test('the second opinions agree with the published vectors themselves', () => {
  for (const [length, seed, narrow, wide] of sanity) {
    assert.equal(xxhash32(sanityBytes(length), seed), narrow)
    assert.equal(xxhash64(sanityBytes(length), seed), wide)
  }
  for (const [text, expected] of noll) assert.equal(fnv1a(ascii(text)), expected)
})

test('random input of every length up to 300 hashes as by the book', () =>
  naming('hashes', () => {
    const random = Random.of('hashes')
    for (let length = 0; length <= 300; length++) {
      const bytes = random.bytes(length)
      const seed = (BigInt(random.next()) << 32n) | BigInt(random.next())
      assert.equal(hash('xxhash32', bytes, seed & 0xffffffffn), xxhash32(bytes, seed), `XXH32 of ${length} bytes`)
      assert.equal(hash('xxhash64', bytes, seed), xxhash64(bytes, seed), `XXH64 of ${length} bytes`)
      assert.equal(hash('fnv1a', bytes), fnv1a(bytes), `FNV-1a of ${length} bytes`)
    }
  }))

test('long input is hashed whole', () => {
  const bytes = Random.of('long', 1).bytes(100_003)
  assert.equal(hash('xxhash32', bytes), xxhash32(bytes, 0n))
  assert.equal(hash('xxhash64', bytes), xxhash64(bytes, 0n))
  assert.equal(hash('fnv1a', bytes), fnv1a(bytes))
})

test('only the bytes of a view are hashed', () => {
  const whole = sanityBytes(64)
  for (const name of ['default', 'fnv1a', 'xxhash32', 'xxhash64'] as HashName[]) {
    for (const [from, to] of [
      [0, 0],
      [1, 9],
      [3, 40],
      [7, 64],
    ]) {
      assert.equal(hash(name, whole.subarray(from, to)), hash(name, whole.slice(from, to)), name)
    }
  }
})

test('the default hash depends on every bit of the input, on its length and on the seed', () =>
  naming('default hash', () => {
    const random = Random.of('default hash')
    for (const length of [0, 1, 3, 7, 8, 9, 16, 31, 32, 33, 100]) {
      const bytes = random.bytes(length)
      const plain = hash('default', bytes, 1n)
      assert.equal(hash('default', bytes.slice(), 1n), plain, 'the same twice')
      const different = new Set([plain, hash('default', bytes, 2n), hash('default', bytes, 2n ** 63n)])
      for (let bit = 0; bit < length * 8; bit++) {
        const flipped = bytes.slice()
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
        different.add(hash('default', flipped, 1n))
      }
      assert.equal(different.size, 3 + length * 8, `${length} bytes`)
    }
    const zeros = new Set(Array.from({ length: 100 }, (_, length) => hash('default', new Uint8Array(length), 1n)))
    assert.equal(zeros.size, 100, 'zeros of different lengths')
  }))

test('half of the bits of the default hash change with one bit of the input', () => {
  const random = Random.of('avalanche', 1)
  const flips = new Array<number>(64).fill(0)
  let trials = 0
  for (let round = 0; round < 60; round++) {
    const bytes = random.bytes(11)
    const plain = hash('default', bytes, 7n)
    for (let bit = 0; bit < 88; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const changed = plain ^ hash('default', flipped, 7n)
      for (let out = 0; out < 64; out++) if ((changed >> BigInt(out)) & 1n) flips[out] = (flips[out] as number) + 1
      trials++
    }
  }
  // 5,280 trials a bit: 10 standard deviations are 0.07.
  for (const [out, count] of flips.entries()) {
    assert.ok(Math.abs(count / trials - 0.5) < 0.07, `bit ${out} changes in ${((100 * count) / trials).toFixed(1)}%`)
  }
})

test('every hash is within its width', () => {
  const random = Random.of('width', 1)
  for (let i = 0; i < 200; i++) {
    const bytes = random.bytes(i % 50)
    assert.ok(hash('fnv1a', bytes) < 2n ** 32n && hash('xxhash32', bytes) < 2n ** 32n)
    for (const name of ['default', 'fnv1a', 'xxhash32', 'xxhash64'] as HashName[]) {
      const made = hash(name, bytes)
      assert.ok(typeof made === 'bigint' && made >= 0n && made < 2n ** 64n)
    }
  }
})
