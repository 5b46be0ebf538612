import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HashName, MAX_KEY_BYTES, string } from 'threadmap'
import { SHARDED_KINDS } from '../support/kinds.js'
import { type AnyMap, mapClasses, TEST_BYTES } from '../support/maps.js'
import { naming, Random } from '../support/random.js'
import { withMap } from '../support/room.js'

/** Strings as keys and values: any sequence of UTF-16 code units, exactly. */

/** Lengths around the word boundaries of 8 bytes, in either representation, and some longer ones. */
const lengths = [
  ...Array.from({ length: 35 }, (_, i) => i),
  63,
  64,
  65,
  127,
  128,
  129,
  255,
  256,
  257,
  1023,
  4096,
  70_000,
]

/** Code units on both sides of every boundary that a representation may have. */
const units = [
  0x00, 0x01, 0x7f, 0x80, 0xff, 0x100, 0x7ff, 0x800, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xfeff, 0xffff,
]

const surrogates = [
  '\ud800',
  '\udfff',
  'a\ud83d',
  '\ude00a',
  '\ude00\ud83d',
  '\ud83d\ud83d\ude00',
  'x\udbffy',
  '\ud83d\ude00',
]

/** Pairs that a careless representation takes for one another. */
const confusable: readonly (readonly [string, string])[] = [
  ['a', 'a\0'],
  ['', '\0'],
  ['ab', '\u6261'], // the same bytes in Latin-1 and in UTF-16
  ['a\0', 'a'],
  ['a\0b\0', 'ab'],
  ['abcd', '\u6261\u6463'],
  ['é', '\xc3\xa9'], // the same bytes as UTF-8
  ['é', 'e\u0301'], // canonically equal, still different strings
  ['\ud800', '\ufffd'],
  ['\ud800', '\udc00'],
  ['😀', '\ud83d'],
  ['ÿ', 'Ā'],
  ['key', 'my key'],
  ['key', 'key 1'],
  ['12345678', '1234567'],
  ['1234567', '12345678'],
  ['Ｋ', 'K'],
  ['ſ', 's'],
]

function samples(): string[] {
  const made = new Set<string>(surrogates)
  for (const length of lengths) {
    made.add('x'.repeat(length))
    made.add('ÿ'.repeat(length))
    made.add('Ā'.repeat(length))
    if (length > 0) {
      made.add(`${'x'.repeat(length - 1)}Ā`) // only the last unit is wide
      made.add(`Ā${'x'.repeat(length - 1)}`)
      made.add(`${'x'.repeat(length - 1)}y`)
    }
  }
  for (const unit of units) {
    const one = String.fromCharCode(unit)
    for (const text of [one, one + one, `a${one}`, `${one}a`, `1234567${one}`, `12345678${one}`]) made.add(text)
  }
  for (const pair of confusable) for (const text of pair) made.add(text)
  return [...made]
}

for (const Class of mapClasses) {
  const strings = (behaviour: string, body: (map: AnyMap) => void | Promise<void>): void => {
    test(`${Class.name}: ${behaviour}`, async () => {
      for (const cache of [0, 50]) {
        const map = new Class({ key: string, value: string, cache, capacity: 1, maxBytes: TEST_BYTES })
        await naming(`cache ${cache}`, () => withMap(map, body))
      }
    })
  }

  strings('every string is a key and a value, and comes back unit by unit', map => {
    const all = samples()
    for (const text of all) assert.equal(map.get(text), undefined)
    for (const text of all) map.set(text, text)
    assert.equal(map.size, all.length)
    for (let round = 0; round < 2; round++) {
      for (const text of all)
        assert.ok(map.get(text) === text, `${text.length} units: ${JSON.stringify(text.slice(0, 40))}`)
    }
    const seen = new Map(map)
    assert.equal(seen.size, all.length)
    for (const [key, value] of seen) assert.ok(key === value)
    for (const text of all) assert.ok(seen.has(text))
    for (const text of all) assert.equal(map.delete(text), true)
    assert.equal(map.size, 0)
  })

  strings('a string freshly made of pieces finds the key', map => {
    map.set('user:123456', 'a')
    map.set('ключ:123456', 'b')
    const number = String(123_400 + 56)
    assert.equal(map.get(`user:${number}`), 'a')
    assert.equal(map.get(['user', number].join(':')), 'a')
    assert.equal(map.get(`xuser:${number}y`.slice(1, -1)), 'a')
    assert.equal(map.get(`ключ:${number}`), 'b')
    // A Latin-1 text cut out of a wide one is stored wide by the engine, and is the same key.
    assert.equal(map.get(`Āuser:${number}Ā`.slice(1, -1)), 'a')
    assert.equal(map.has(`Ā${'user'}Ā`.slice(1, -1)), false)
  })

  strings('strings that look alike in one representation or another are different keys and values', map => {
    for (const [one, other] of confusable) {
      map.clear()
      map.set(one, one)
      assert.equal(map.has(other), false, JSON.stringify([one, other]))
      assert.equal(map.compareAndSwap(one, other, 'wrong'), false, JSON.stringify([one, other]))
      map.set(other, other)
      assert.equal(map.size, 2)
      assert.equal(map.get(one), one)
      assert.equal(map.get(other), other)
      assert.equal(map.compareAndDelete(one, other), false)
      assert.equal(map.compareAndDelete(one, one), true)
      assert.equal(map.get(other), other)
    }
  })

  strings('no prefix and no suffix of a key is the key', map => {
    const long = 'abcdefghijklmnopqrstuvwxyzäöü€'
    const parts = new Set<string>()
    for (let i = 0; i <= long.length; i++) parts.add(long.slice(0, i)).add(long.slice(i))
    for (const part of parts) map.set(part, part)
    assert.equal(map.size, parts.size)
    for (const part of parts) assert.equal(map.get(part), part)
    let left = parts.size
    for (const part of parts) {
      assert.equal(map.delete(part), true)
      assert.equal(map.get(part), undefined)
      assert.equal([...map.keys()].length, --left)
    }
  })

  strings('a wide key may be as long in bytes as a narrow one', map => {
    const longest = '€'.repeat(MAX_KEY_BYTES / 2)
    map.set(longest, 'wide')
    assert.equal(map.get(longest), 'wide')
    assert.equal(map.has(longest.slice(1)), false)
    assert.throws(() => map.set(`${longest}€`, 'too wide'), { code: 'ERR_THREADMAP_KEY_TOO_LARGE' })
    assert.throws(() => map.set(`${longest}x`, 'too wide'), { code: 'ERR_THREADMAP_KEY_TOO_LARGE' })
    assert.equal(map.size, 1)
    assert.ok([...map.keys()][0] === longest)
  })

  strings('values may be megabytes long, and shrink and grow in place', map => {
    for (const length of [0, 1_000_000, 3, 300_000, 17, 1_200_000]) {
      for (const unit of ['a', 'ä', '€']) {
        const text = unit.repeat(length)
        map.set('text', text)
        map.set('other', unit)
        assert.ok(map.get('text') === text, `${length} of ${unit}`)
        assert.equal(map.get('other'), unit)
      }
    }
  })

  test(`${Class.name}: an iteration shows long keys, however many of them are neighbours`, async () => {
    for (const [count, length] of [
      [2, 70_000],
      [40, 5000],
      [300, 1000],
    ] as const) {
      const shards = SHARDED_KINDS.some(kind => kind === Class.name) ? { shards: 1 } : {}
      const map = new Class({ key: string, value: string, seed: 1n, maxBytes: TEST_BYTES, ...shards })
      await withMap(map, () => {
        for (let i = 0; i < count; i++) map.set(`${'x'.repeat(length)}${i}`, `${i}`)
        const seen = [...map].map(([key, value]) => [(key as string).slice(length), value])
        assert.equal(seen.length, count)
        for (const [end, value] of seen) assert.equal(end, value)
      })
    }
  })

  test(`${Class.name}: every hash function serves all strings, with any seed`, async () => {
    const all = samples().filter(text => text.length < 300)
    for (const hash of ['default', 'fnv1a', 'xxhash32', 'xxhash64'] as HashName[]) {
      for (const seed of [0n, 1n, 2n ** 64n - 1n]) {
        const map = new Class({ key: string, value: string, hash, seed, maxBytes: TEST_BYTES })
        await naming(`${hash}, seed ${seed}`, () =>
          withMap(map, () => {
            for (const text of all) map.set(text, text)
            assert.equal(map.size, all.length)
            const attached = Class.attach(map.handle)
            for (const text of all) assert.equal(attached.get(text), text)
            attached[Symbol.dispose]()
          }),
        )
      }
    }
  })

  test(`${Class.name}: random strings of random units agree with a plain Map`, async () => {
    const random = Random.of(`${Class.name} strings`)
    const model = new Map<string, string>()
    const map = new Class({ key: string, value: string, cache: 20, maxBytes: TEST_BYTES })
    const text = (): string => {
      const wide = random.below(2) === 0
      const unit = (): number => (wide ? random.pick(units) : random.below(256))
      return String.fromCharCode(...Array.from({ length: random.below(12) }, unit))
    }
    const known = Array.from({ length: 200 }, text)
    await naming('random strings', () =>
      withMap(map, () => {
        for (let i = 0; i < 4000; i++) {
          const key = random.pick(known)
          if (random.below(3) === 0) assert.equal(map.delete(key), model.delete(key))
          else {
            const value = text()
            assert.equal(map.swap(key, value), model.get(key))
            model.set(key, value)
          }
        }
        assert.deepEqual(new Map([...map].sort() as [string, string][]), new Map([...model].sort()))
      }),
    )
  })
}
