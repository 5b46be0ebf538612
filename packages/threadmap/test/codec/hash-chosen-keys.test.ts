import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastMap, f64, hash, i64, ShardedMap, string } from 'threadmap'
import { keyedHash, sipHash } from '../support/keyed-hash.js'
import { naming, Random } from '../support/random.js'

/** The default hash of keys that an attacker chose to collide, without knowing the seed. */

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const utf16 = (text: string): Uint8Array => Buffer.from(text, 'utf16le')
const UTF16 = 0x10000000
const seedOf = (random: Random): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next())

test("the secret words come from SipHash-2-4, by its authors' vector", () => {
  // vectors_sip64 of the reference implementation: key 00 01 .. 0f, message 00 .. 07.
  assert.equal(sipHash(0x0706050403020100n, 0x0f0e0d0c0b0a0908n, 0x0706050403020100n), 0x93f5f5799a932462n)
})

test('the default hash is the one that its source describes, for keys of every length', () =>
  naming('keyed hash', () => {
    const random = Random.of('keyed hash')
    const lengths = [...Array(80).keys(), 440, 447, 448, 449, 456, 895, 896, 897, 4000, 100_003]
    for (const length of lengths) {
      const bytes = random.bytes(length)
      const seed = seedOf(random)
      assert.equal(hash('default', bytes, seed), keyedHash(bytes, seed), `${length} bytes, seed ${seed}`)
    }
    // Sums at the edges of the polynomial's field.
    for (const fill of [0, 0xff]) {
      const bytes = new Uint8Array(2000).fill(fill)
      assert.equal(hash('default', bytes, 1n), keyedHash(bytes, 1n))
    }
  }))

test('a string is hashed as the map stores it', () => {
  for (const text of ['', 'a', 'naïve café', 'key:1234567', 'é'.repeat(500)]) {
    assert.equal(hash('default', text, 5n), keyedHash(latin1(text), 5n), text)
    for (const name of ['fnv1a', 'xxhash32', 'xxhash64'] as const)
      assert.equal(hash(name, text, 5n), hash(name, latin1(text), 5n))
  }
  for (const text of ['Ω', 'Ωmega', '日本語のキー', '\ud800', 'ж'.repeat(300)]) {
    const bytes = utf16(text)
    assert.equal(hash('default', text, 5n), keyedHash(bytes, 5n, bytes.length | UTF16), text)
    assert.equal(hash('xxhash64', text, 5n), hash('xxhash64', bytes, 5n))
  }
  assert.notEqual(hash('default', 'ab\0\0'), hash('default', '\u6261\0'), 'the encoding counts')
})

test('a seed makes the same hash in every run', () => {
  assert.equal(hash('default', latin1('threadmap'), 7n), 13283054659338470571n)
})

/** K1 of the former default hash, and its inverse modulo 2^64. */
const K1 = 0x9e3779b97f4a7c15n
const INVERSE = 0xf1de83e19937733dn

/** 2^n keys of 16 n characters that had one former hash under every seed: the second of two differences cancels the first. */
function oneHashBefore(n: number): string[] {
  const pair = (first: bigint, second: bigint): string => {
    const bytes = Buffer.alloc(16)
    bytes.writeBigUInt64LE(first)
    bytes.writeBigUInt64LE(second, 8)
    return bytes.toString('latin1')
  }
  const word = 0x6161616161616161n
  const other = BigInt.asUintN(64, (BigInt.asUintN(64, word * K1) ^ (1n << 34n)) * INVERSE)
  const halves = [pair(word, word), pair(other, word ^ (1n << 63n))]
  let keys = ['']
  for (let i = 0; i < n; i++) keys = keys.flatMap(key => halves.map(half => key + half))
  return keys
}

test('keys that collided under every seed before do not', () => {
  assert.equal(BigInt.asUintN(64, K1 * INVERSE), 1n)
  const keys = oneHashBefore(10)
  for (const seed of [0n, 1n, 7n, 0xdeadbeefcafen, 2n ** 64n - 1n]) {
    const hashes = keys.map(key => hash('default', key, seed))
    assert.equal(new Set(hashes).size, keys.length, `seed ${seed}`)
    assert.equal(new Set(hashes.map(each => each & 0xffffffffn)).size, keys.length, `seed ${seed}, low half`)
  }
})

test('32,768 such keys of 240 characters spread over the shards of a map, and over its table', () => {
  const keys = oneHashBefore(15)
  assert.equal(keys[0].length, 240)
  using map = new FastMap({ key: string, value: f64, shards: 64 })
  for (const [i, key] of keys.entries()) map.set(key, i)
  assert.equal(map.size, keys.length)
  const mean = keys.length / 64
  for (const { entries } of map.shardStats()) {
    assert.ok(Math.abs(entries - mean) < 7 * Math.sqrt(mean), `${entries} of ${mean} on average`)
  }
  for (const [i, key] of keys.entries()) assert.equal(map.get(key), i)
  assert.deepEqual(map.audit(), [])
})

/** Pairs of keys with the differences that broke other hashes: few bits, high bits, neighbouring words, zeros, lengths. */
function* differences(random: Random, count: number): Generator<readonly [Uint8Array, Uint8Array]> {
  const sizes = [8, 12, 16, 24, 40, 64, 448, 456, 904, 1800]
  for (let i = 0; i < count; i++) {
    const size = sizes[i % sizes.length]
    const one = i % 3 === 0 ? new Uint8Array(size) : random.bytes(size)
    const two = one.slice()
    const flips = 1 + (i % 4)
    const from = random.below(size)
    for (let flip = 0; flip < flips; flip++) {
      // Bits of one byte and of the byte 4, 8 or 16 later: such differences may cancel in the next product, word or block.
      const at = (from + flip * [0, 4, 8, 16][random.below(4)]) % size
      two[at] ^= i % 2 === 0 ? 0x80 : 1 << random.below(8)
    }
    if (i % 7 === 0) yield [one, one.slice(0, size - 1 - random.below(7))]
    else if (one.some((byte, at) => byte !== two[at])) yield [one, two]
  }
}

test('no difference between keys collides under many seeds', () =>
  naming('differences', () => {
    const random = Random.of('differences')
    const pairs = [...differences(random, 3000)]
    const met = new Map<number, number>()
    for (let round = 0; round < 60; round++) {
      const seed = round < 4 ? BigInt(round) : seedOf(random)
      for (const [i, [one, two]] of pairs.entries()) {
        const a = hash('default', one, seed)
        const b = hash('default', two, seed)
        // A table uses half of the hash: of 180,000 comparisons 0.0001 would collide by chance.
        if (((a ^ b) & 0xffffffffn) === 0n) met.set(i, (met.get(i) ?? 0) + 1)
      }
    }
    for (const [i, count] of met) {
      assert.ok(
        count < 2,
        `${Buffer.from(pairs[i][0]).toString('hex')} and ${Buffer.from(pairs[i][1]).toString('hex')}`,
      )
    }
    assert.ok(met.size < 2, `${met.size} pairs collided once`)
  }))

test('numbers in any step, and numbered words, fall evenly into shards and buckets under every seed', () =>
  naming('evenness', () => {
    const random = Random.of('evenness')
    const count = 4096
    const places = 256
    const kinds: [string, (i: number) => Uint8Array | string][] = [
      ['f64', i => new Uint8Array(Float64Array.of(i).buffer)],
      ['f64 in steps of 0.25', i => new Uint8Array(Float64Array.of(i / 4).buffer)],
      ['i64', i => new Uint8Array(BigInt64Array.of(BigInt(i)).buffer)],
      ['i64 in steps of 2^32', i => new Uint8Array(BigInt64Array.of(BigInt(i) << 32n).buffer)],
      ['i64 in steps of 4096', i => new Uint8Array(BigInt64Array.of(BigInt(i) << 12n).buffer)],
      ['user:N', i => `user:${i}`],
      ['/api/N/items', i => `/api/v1/tenants/${i}/items`],
    ]
    const degrees = places - 1
    for (const [name, keyOf] of kinds) {
      const keys = Array.from({ length: count }, (_, i) => keyOf(i))
      let worst = 0
      let sum = 0
      const rounds = 40
      for (let round = 0; round < rounds; round++) {
        const seed = round < 2 ? BigInt(round) : seedOf(random)
        const shards = new Array<number>(places).fill(0)
        const buckets = new Array<number>(places).fill(0)
        for (const key of keys) {
          const made = hash('default', key, seed)
          shards[Number(made >> 56n)]++
          buckets[Number((made >> 24n) & 0xffn)]++
        }
        for (const counts of [shards, buckets]) {
          const square = counts.reduce((total, each) => total + (each - count / places) ** 2, 0) / (count / places)
          const deviation = (square - degrees) / Math.sqrt(2 * degrees)
          worst = Math.max(worst, deviation)
          sum += deviation / (2 * rounds)
        }
      }
      assert.ok(worst < 7 && sum < 1, `${name}: ${worst.toFixed(1)} at worst, ${sum.toFixed(2)} on average`)
    }
  }))

test('maps of one seed put their keys into the same shards, maps of two seeds do not', () => {
  const shardsOf = (seed: bigint): string => {
    using map = new ShardedMap({ key: i64, value: f64, shards: 64, seed })
    for (let i = 0n; i < 200n; i++) map.set(i, 1)
    return map
      .shardStats()
      .map(({ entries }) => entries)
      .join()
  }
  assert.equal(shardsOf(3n), shardsOf(3n))
  assert.notEqual(shardsOf(3n), shardsOf(4n))
})
