import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HashName, ShardedMap, string, u32 } from 'threadmap'

/**
 * The kernel reads the characters of keys itself where the runtime has WebAssembly's JS String Builtins; elsewhere, and for long keys, the
 * library writes them into the key area. Both ways must mean one key. These tests call the kernel in both ways on every runtime.
 */

const load = async <T>(file: string): Promise<T> => import(new URL(`../../../dist/${file}`, import.meta.url).href)
const L = await load<typeof import('../../dist/bridge/layout.generated.js')>('bridge/layout.generated.js')
const instance = await load<typeof import('../../dist/bridge/instance.js')>('bridge/instance.js')

/** Keys of every length up to the longest that the kernel reads, with the unit `last` at each place of a word, and at the end. */
function keysWith(unit: number): string[] {
  const keys: string[] = []
  for (let length = 1; length <= L.MAX_TEXT; length += length < 40 ? 1 : 23) {
    const places = new Set([0, 1, 2, 3, 4, 5, 6, 7, length - 2, length - 1].filter(at => at >= 0 && at < length))
    for (const at of places) {
      const units = Array.from({ length }, (_, i) => 97 + ((i * 7 + length) % 26))
      units[at] = unit
      keys.push(String.fromCharCode(...units))
    }
  }
  return [...new Set(keys)]
}

const keys = [
  '',
  ...[0x00, 0x61, 0x80, 0xff, 0x100, 0x8061, 0xd800, 0xffff].flatMap(keysWith),
  'x'.repeat(L.MAX_TEXT),
  '\u6f22'.repeat(L.MAX_TEXT),
  // The bytes of 'ab' in two forms.
  'ab',
  '\u6261',
]

/** Pairs of a Latin-1 and a two-byte string object with one content, and strings that V8 keeps as trees or slices. */
const forms = [
  ['k\u00e9y', `\u6f22k\u00e9y`.slice(1)],
  ['a-long-enough-slice', `0123456789a-long-enough-slice`.slice(10)],
  ['joined-of-two-halves', `${'joined-of-'.repeat(1)}${['two', 'halves'].join('-')}`],
] as const

for (const hash of ['default', 'fnv1a', 'xxhash32', 'xxhash64'] satisfies HashName[]) {
  test(`a key is one key, whichever way the kernel gets it (${hash})`, () => {
    using map = new ShardedMap({ key: string, value: u32, hash })
    const { kernel, scratch } = map.session
    const written = (key: string) => string.write(scratch, 0, key)
    const distinct = [...new Set(keys)]
    for (const [i, key] of distinct.entries()) {
      scratch.u32[scratch.at[1] >>> 2] = i
      // Half of the keys are inserted in each way, and found in the other.
      const code = i % 2 === 0 ? kernel.changeText(L.SET, key, 4, 0) : kernel.change(L.SET, written(key), 4, 0)
      assert.equal(code, L.ABSENT, `key ${i} of ${key.length} characters was new`)
    }
    assert.equal(map.size, distinct.length)
    for (const [i, key] of distinct.entries()) {
      for (const way of [() => kernel.getText(key), () => kernel.get(written(key))]) {
        assert.equal(way(), L.PRESENT, `key ${i} of ${key.length} characters`)
        assert.equal(scratch.u32[scratch.resultWord >>> 2], i)
      }
      assert.equal(kernel.hasText(key), L.PRESENT)
      assert.equal(kernel.hasText(`${key}\0`.slice(-L.MAX_TEXT)), kernel.has(written(`${key}\0`.slice(-L.MAX_TEXT))))
    }
    assert.deepEqual([...map.keys()].sort(), distinct.sort())
    assert.deepEqual(map.audit(), [])
  })
}

test('the forms in which the runtime keeps a string make no difference', () => {
  using map = new ShardedMap({ key: string, value: u32 })
  for (const [first, second] of forms) {
    map.set(first, 1)
    assert.equal(map.session.kernel.hasText(second), L.PRESENT, second)
    assert.ok(map.has(second))
    assert.ok(map.delete(second))
    assert.equal(map.session.kernel.hasText(first), L.ABSENT, first)
  }
})

test('keys at the longest length that the kernel reads, and beyond it', () => {
  using map = new ShardedMap({ key: string, value: u32 })
  for (const unit of ['x', '\u6f22']) {
    for (const length of [L.MAX_TEXT - 1, L.MAX_TEXT, L.MAX_TEXT + 1, 2 * L.MAX_TEXT, 2 * L.MAX_TEXT + 1, 600]) {
      const key = unit.repeat(length)
      map.set(key, length)
      assert.equal(map.get(key), length)
      assert.equal(map.get(`${key.slice(1)}!`), undefined)
    }
  }
})

test('a runtime has the builtins exactly if the kernel no longer imports them', () => {
  const bytes = Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    // type (externref) -> i32, and the import of "length" from "wasm:js-string"
    ...[1, 6, 1, 0x60, 1, 0x6f, 1, 0x7f],
    ...[2, 25, 1, 14, ...Buffer.from('wasm:js-string'), 6, ...Buffer.from('length'), 0, 0],
  )
  type Compile = new (bytes: Uint8Array, options: { builtins: string[] }) => WebAssembly.Module
  const module = new (WebAssembly.Module as unknown as Compile)(bytes, { builtins: ['js-string'] })
  using map = new ShardedMap({ key: string, value: u32 })
  map.set('a', 1)
  assert.equal(instance.kernelReadsStrings(), WebAssembly.Module.imports(module).length === 0)
  // Where this is known: the tests of Node 20 and of later ones are meant to take different ways.
  const major = Number(process.versions.node.split('.')[0])
  if (process.versions.bun === undefined && major >= 22) assert.ok(instance.kernelReadsStrings())
  if (process.versions.bun === undefined && major === 20) assert.ok(!instance.kernelReadsStrings())
})
