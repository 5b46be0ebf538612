import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import * as library from 'threadmap'
import {
  bytes,
  type Codec,
  CodecError,
  DisposedError,
  DumpError,
  FastMap,
  f64,
  i64,
  json,
  MapFullError,
  OptionError,
  SyncMap,
  string,
  struct,
} from 'threadmap'
import { dump, dumpChunks, load, loadChunks } from 'threadmap/dump'
import { cases } from '../runtimes/values.js'
import { type AnyMap, mapClasses, TEST_BYTES } from '../support/maps.js'
import { seeded } from '../support/seeded.js'

/** Dumps: what comes back, what is refused, and that a file is never half a dump. */

const folder = mkdtempSync(join(tmpdir(), 'threadmap-dump-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const newPath = () => join(folder, `${files++}.dump`)
const numbers = () => new FastMap({ key: string, value: f64, maxBytes: TEST_BYTES, shards: 1 })

function fault(reason: DumpError['reason'], message: RegExp): (error: unknown) => boolean {
  return error =>
    error instanceof DumpError &&
    error.code === 'ERR_THREADMAP_DUMP' &&
    error.reason === reason &&
    message.test(error.message)
}

/** The bytes of a small dump, of several blocks. */
function smallDump(): Uint8Array {
  using map = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES, shards: 1 })
  for (let i = 0; i < 6; i++) map.set(`key ${i}`, `${i}`.repeat(12_000))
  const parts = [...dumpChunks(map)]
  // Only whole blocks are long: the fewer bytes, the more truncations can be tried.
  return concat(parts)
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

for (const Class of mapClasses) {
  test(`${Class.name}: keys and values of every codec come back from a file as they went in`, async () => {
    for (const one of cases(library)) {
      using source = one.make(library)
      const key = source.handle.key
      const options = {
        key: { string, f64, i64, bytes }[key],
        value: codecOf(source.handle.value),
        maxBytes: TEST_BYTES,
      }
      using map = new Class(options)
      for (const [key, value] of one.entries) map.set(key, value)
      const path = newPath()
      const written = await dump(map, path)
      assert.deepEqual(written, { entries: map.size, bytes: readFileSync(path).length })
      using copy = new Class(options)
      assert.deepEqual(await load(copy, path), written)
      assert.equal(copy.size, map.size)
      for (const [key, value] of one.entries) assert.ok(one.equal(copy.get(key), value), `${one.name}: ${String(key)}`)
      assert.deepEqual(copy.audit(), [])
    }
  })

  test(`${Class.name}: many entries, and values of up to a mebibyte, come back`, async () => {
    const options = { key: f64, value: bytes, maxBytes: TEST_BYTES }
    using map = new Class(options)
    for (let i = 0; i < 5000; i++) map.set(i, Uint8Array.of(i, i >> 8))
    for (let i = 0; i < 4; i++) map.set(-1 - i, new Uint8Array(2 ** 20).fill(i + 1))
    const path = newPath()
    await dump(map, path)
    using copy = new Class(options)
    assert.equal((await load(copy, pathToFileURL(path))).entries, 5004)
    assert.equal(copy.size, 5004)
    for (const [key, value] of map) assert.deepEqual(copy.get(key), value)
    assert.deepEqual(copy.audit(), [])
  })
}

/** A codec by the name that handles have. */
function codecOf(name: string): unknown {
  if (name.startsWith('struct ')) return struct(JSON.parse(name.slice('struct '.length)))
  const known = { string, f64, i64, bytes, u32: library.u32, bool: library.bool, json: json() }
  assert.ok(name in known, name)
  return known[name as keyof typeof known]
}

test('a dump of one class is loaded into any other, by the codecs alone', async () => {
  const parts = mapClasses.map(Class => {
    using map = new Class({ key: string, value: f64, maxBytes: TEST_BYTES })
    for (let i = 0; i < 100; i++) map.set(`${i}`, i)
    return [...dumpChunks(map)]
  })
  for (const chunks of parts) {
    for (const Class of mapClasses) {
      using map = new Class({ key: string, value: f64, maxBytes: TEST_BYTES })
      await loadChunks(map, chunks)
      assert.equal(map.size, 100)
      for (let i = 0; i < 100; i++) assert.equal(map.get(`${i}`), i)
    }
  }
})

test('an empty map makes a dump that loads', async () => {
  using map = numbers()
  const path = newPath()
  assert.equal((await dump(map, path)).entries, 0)
  assert.equal((await load(map, path)).entries, 0)
})

test('loading keeps keys that the dump does not have, and with overwrite: false also values that are there', async () => {
  using map = numbers().set('a', 1).set('b', 2)
  const path = newPath()
  await dump(map, path)
  map.set('a', 10).set('c', 3)
  map.delete('b')
  await load(map, path, { overwrite: false })
  assert.deepEqual([...map].sort(), [
    ['a', 10],
    ['b', 2],
    ['c', 3],
  ])
  await load(map, path)
  assert.deepEqual([...map].sort(), [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
})

test('a read cache sees what was loaded', async () => {
  using map = new FastMap({ key: string, value: json<{ v: number }>(), cache: 10, maxBytes: TEST_BYTES })
  const parts = [...dumpChunks(map.set('a', { v: 1 }))]
  map.set('a', { v: 2 })
  assert.deepEqual(map.get('a'), { v: 2 })
  await loadChunks(map, parts)
  assert.deepEqual(map.get('a'), { v: 1 })
})

test('values of a codec of the program go by its name, and are neither encoded nor decoded', async () => {
  let calls = 0
  const own: Codec<number> = {
    name: 'own',
    encode: value => Uint8Array.of(value, ++calls),
    decode: encoded => encoded[0] as number,
  }
  using map = new FastMap({ key: string, value: own, maxBytes: TEST_BYTES })
  map.set('a', 7)
  calls = 0
  const parts = [...dumpChunks(map)]
  using copy = new FastMap({ key: string, value: own, maxBytes: TEST_BYTES })
  await loadChunks(copy, parts)
  assert.equal(calls, 0)
  assert.equal(copy.get('a'), 7)
  using other = new FastMap({ key: string, value: { ...own, name: 'other' }, maxBytes: TEST_BYTES })
  await assert.rejects(loadChunks(other, parts), fault('codec', /custom own.*custom other/))
})

test("the map's schema validates what is loaded, also long values", async () => {
  const schema = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) =>
        typeof value === 'string' ? { value: value.toLowerCase() } : { issues: [{ message: 'no text' }] },
    },
  } as const
  using plain = new SyncMap({ key: string, value: json<unknown>(), maxBytes: TEST_BYTES })
  using checked = new SyncMap({ key: string, value: json(schema as never), maxBytes: TEST_BYTES })
  await loadChunks(checked, [...dumpChunks(plain.set('schlüssel', 'A'.repeat(100_000)).set('漢', 'B漢'))])
  assert.deepEqual([...checked].sort(), [
    ['schlüssel', 'a'.repeat(100_000)],
    ['漢', 'b漢'],
  ])
  plain.clear()
  await assert.rejects(loadChunks(checked, [...dumpChunks(plain.set('bad', 1))]), (error: unknown) => {
    assert.ok(error instanceof CodecError)
    assert.match(error.message, /no text/)
    return true
  })
})

test('other codecs, other files and other versions are refused by name, and change nothing', async () => {
  using map = numbers().set('a', 1)
  const path = newPath()
  await dump(map, path)
  using texts = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES })
  await assert.rejects(load(texts, path), fault('codec', /"?'?f64.*string/))
  using keys = new FastMap({ key: i64, value: f64, maxBytes: TEST_BYTES })
  await assert.rejects(load(keys, path), fault('codec', /i64/))

  const good = readFileSync(path)
  const other = newPath()
  writeFileSync(other, '{"not": "a dump"}')
  await assert.rejects(load(map, other), fault('foreign', new RegExp(`^${other} is no dump`)))
  const newer = Buffer.from(good)
  newer.writeUInt32LE(2, 8)
  writeFileSync(other, newer)
  await assert.rejects(load(map, other), fault('version', /version 2 .* reads version 1/))
  // A file that some program took for text: line ends changed.
  writeFileSync(other, good.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
  await assert.rejects(load(map, other), fault('foreign', /no dump/))
  await assert.rejects(load(map, join(folder, 'absent')), { code: 'ENOENT' })
  assert.deepEqual([...map], [['a', 1]])
  assert.equal(texts.size + keys.size, 0)
})

test('a dump that ends too early is refused at every length, and nothing of the file is loaded', async () => {
  using map = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES })
  const whole = smallDump()
  const path = newPath()
  // Every length near the places where something ends, and some hundred lengths within the values.
  const lengths = new Set<number>()
  for (let length = 0; length < 200; length++) lengths.add(length).add(whole.length - 1 - length)
  for (let length = 0; length < whole.length; length += 997) lengths.add(length)
  for (const length of lengths) {
    writeFileSync(path, whole.subarray(0, length))
    await assert.rejects(load(map, path), fault('truncated', new RegExp(`ends after ${length} bytes`)), `${length}`)
    assert.equal(map.size, 0, `${length}`)
  }
  assert.ok(lengths.size > 400)
})

test('a small dump is refused at every single length, in chunks of every size', async () => {
  using map = numbers().set('a', 1).set('bcd', Number.NaN)
  const whole = concat([...dumpChunks(map)])
  map.clear()
  for (let length = 0; length < whole.length; length++) {
    const chunks: Uint8Array[] = []
    for (let at = 0; at < length; at += 1 + (length % 7))
      chunks.push(whole.slice(at, Math.min(length, at + 1 + (length % 7))))
    await assert.rejects(loadChunks(map, chunks), fault('truncated', /ends after/), `${length}`)
  }
  for (let size = 1; size <= whole.length; size++) {
    const chunks: Uint8Array[] = []
    for (let at = 0; at < whole.length; at += size) chunks.push(whole.slice(at, at + size))
    assert.deepEqual(await loadChunks(map, chunks), { entries: 2, bytes: whole.length })
  }
  assert.deepEqual([...map].sort(), [
    ['a', 1],
    ['bcd', Number.NaN],
  ])
})

test('a changed bit, wherever it is, is noticed before anything of the file is loaded', async () => {
  using map = numbers()
  for (let i = 0; i < 8; i++) map.set(`key ${i}`, i)
  const whole = concat([...dumpChunks(map)])
  map.clear()
  const path = newPath()
  for (let at = 0; at < whole.length; at++) {
    for (const bit of [0, 3, 7]) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << bit)
      writeFileSync(path, changed)
      // In the head the change can look like another kind of file; behind it only a checksum tells.
      const expected = at < 8 ? /foreign/ : at < 16 ? /version|damaged|truncated/ : /damaged/
      await assert.rejects(load(map, path), error => error instanceof DumpError && expected.test(error.reason), `${at}`)
      assert.equal(map.size, 0, `byte ${at}`)
    }
  }
})

test('blocks that are missing, doubled, swapped or followed by more are noticed', async () => {
  using map = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES })
  for (let i = 0; i < 12; i++) map.set(`key ${i}`, `${i}`.repeat(12_000))
  const [start, first, second, third, ...rest] = [...dumpChunks(map)] as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  assert.ok(rest.length > 0)
  const wrong = {
    missing: [start, first, third, ...rest],
    doubled: [start, first, first, second, third, ...rest],
    swapped: [start, second, first, third, ...rest],
    followed: [start, first, second, third, ...rest, Uint8Array.of(0)],
    twice: [start, first, second, third, ...rest, start, first, second, third, ...rest],
  }
  for (const [what, chunks] of Object.entries(wrong)) {
    const path = newPath()
    writeFileSync(path, concat(chunks))
    map.clear()
    await assert.rejects(load(map, path), fault('damaged', /damaged/), what)
    assert.equal(map.size, 0)
  }
})

test('loadChunks sets the entries of whole blocks before a fault, and no others', async () => {
  using source = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES })
  for (let i = 0; i < 12; i++) source.set(`key ${i}`, `${i}`.repeat(12_000))
  const chunks = [...dumpChunks(source)]
  chunks[2] = chunks[2]!.slice()
  chunks[2]![1000]! ^= 1
  using map = new FastMap({ key: string, value: string, maxBytes: TEST_BYTES })
  await assert.rejects(loadChunks(map, chunks), fault('damaged', /block/))
  assert.ok(map.size > 0 && map.size < 12)
  for (const [key, value] of map) assert.equal(value, source.get(key))
})

test('streams and asynchronous iterables load; a stream is given up after a fault', async () => {
  using map = numbers().set('a', 1)
  const parts = [...dumpChunks(map)]
  map.clear()
  await loadChunks(map, new Blob(parts).stream())
  await loadChunks(
    map,
    (async function* () {
      yield* parts
    })(),
  )
  assert.equal(map.get('a'), 1)
  let cancelled = false
  const bare = {
    getReader: () => ({
      read: async () => ({ done: false, value: Uint8Array.of(1) }),
      cancel: async () => {
        cancelled = true
      },
    }),
  }
  await assert.rejects(loadChunks(map, bare as never), fault('foreign', /no dump/))
  assert.ok(cancelled)
})

test('a failed dump leaves the file of before, and nothing beside it', async () => {
  const own = mkdtempSync(join(folder, 'own-'))
  const path = join(own, 'map.dump')
  using map = numbers().set('a', 1)
  await dump(map, path)
  const before = readFileSync(path)
  const aborted = new AbortController()
  aborted.abort(new Error('no more time'))
  await assert.rejects(dump(map, path, { signal: aborted.signal }), /no more time/)
  // Ends in the middle: the map is disposed while its entries are written.
  const second = FastMap.attach(map.handle)
  for (let i = 0; i < 50_000; i++) map.set(`${i}`, i)
  const running = dump(second, path)
  second[Symbol.dispose]()
  await assert.rejects(running, DisposedError)
  assert.deepEqual(readFileSync(path), before)
  assert.deepEqual(readdirSync(own), ['map.dump'])
  const late = new AbortController()
  const stopped = dump(map, path, { signal: late.signal })
  late.abort(new Error('too late'))
  await assert.rejects(stopped, /too late/)
  await assert.rejects(dump(map, join(own, 'no such folder', 'x')), { code: 'ENOENT' })
  await assert.rejects(dump(map, own), { code: /EISDIR|ENOTEMPTY|EEXIST|EPERM/ })
  assert.deepEqual(readdirSync(own), ['map.dump'])
  assert.ok(!readdirSync(folder).some(name => name.endsWith('.tmp')))
})

test('a dump through a symbolic link replaces the file that the link leads to', {
  skip: process.platform === 'win32',
}, async () => {
  using map = numbers().set('a', 1)
  const [path, link] = [newPath(), newPath()]
  writeFileSync(path, 'old')
  symlinkSync(path, link)
  await dump(map, link)
  assert.ok(lstatSync(link).isSymbolicLink())
  map.clear()
  await load(map, path)
  assert.equal(map.get('a'), 1)
})

test('dumps to one file at a time leave one whole dump', async () => {
  using map = numbers()
  for (let i = 0; i < 20_000; i++) map.set(`${i}`, i)
  const path = newPath()
  await Promise.all(Array.from({ length: 5 }, () => dump(map, path)))
  using copy = numbers()
  assert.equal((await load(copy, path)).entries, 20_000)
})

test('a map that fills up during a load keeps what was set before', async () => {
  using map = new FastMap({ key: f64, value: bytes, maxBytes: TEST_BYTES })
  for (let i = 0; i < 64; i++) map.set(i, new Uint8Array(60_000).fill(i))
  const path = newPath()
  await dump(map, path)
  using small = new FastMap({ key: f64, value: bytes, maxBytes: 2 ** 20, shards: 1 })
  await assert.rejects(load(small, path), MapFullError)
  assert.ok(small.size > 0)
  for (const [key, value] of small) assert.deepEqual(value, map.get(key))
})

test('arguments of other types are refused by name', async () => {
  using map = numbers()
  const path = newPath()
  for (const wrong of [new Map(), null, undefined, 1, {}, map.handle]) {
    await assert.rejects(dump(wrong as never, path), OptionError)
    await assert.rejects(load(wrong as never, path), OptionError)
    assert.throws(() => dumpChunks(wrong as never), OptionError)
  }
  for (const wrong of [undefined, null, 1, '', {}]) {
    await assert.rejects(dump(map, wrong as never), /second argument/)
    await assert.rejects(load(map, wrong as never), /second argument/)
  }
  await assert.rejects(dump(map, path, { overwrite: true } as never), /overwrite/)
  await assert.rejects(load(map, path, { overwrite: 1 } as never), /true or false/)
  await assert.rejects(load(map, path, { signal: {} } as never), /AbortSignal/)
  await assert.rejects(loadChunks(map, 7 as never), /iterable/)
  assert.ok(!existsSync(path))
  map[Symbol.dispose]()
  await assert.rejects(dump(map, path), DisposedError)
  await assert.rejects(load(map, path), DisposedError)
})

seeded('a dump while the map changes has every key that stays, once, with a value that it had', async random => {
  for (const Class of mapClasses) {
    const map: AnyMap = new Class({ key: f64, value: f64, maxBytes: TEST_BYTES })
    for (let i = 0; i < 4000; i++) map.set(i, i)
    const parts: Uint8Array[] = []
    for (const part of dumpChunks(map)) {
      parts.push(part)
      // Between two parts: new values of keys that stay, new keys, and keys that go.
      for (let i = 0; i < 500; i++) {
        const key = random.below(4000)
        map.set(key, key + 4000 * random.below(3))
        map.set(10_000 + random.below(20_000), -1)
        map.delete(10_000 + random.below(20_000))
      }
    }
    const seen = new Map<number, number>()
    using copy = new Class({ key: f64, value: f64, maxBytes: TEST_BYTES })
    const { entries } = await loadChunks(copy, parts)
    for (const [key, value] of copy) seen.set(key as number, value as number)
    assert.equal(seen.size, entries, 'no key is in the dump twice')
    for (let i = 0; i < 4000; i++) assert.equal((seen.get(i) as number) % 4000, i, `${Class.name}: ${i}`)
    map[Symbol.dispose]()
  }
})

test("a dump needs neither TextEncoder nor TextDecoder, which Jest's jsdom lacks, and codecs may have any name", async t => {
  const point: Codec<number> = {
    name: 'длина 長さ 📏',
    encode: value => Uint8Array.of(value),
    decode: ([value]) => value!,
  }
  const { TextEncoder, TextDecoder } = globalThis
  t.after(() => Object.assign(globalThis, { TextEncoder, TextDecoder }))
  Object.assign(globalThis, { TextEncoder: undefined, TextDecoder: undefined })
  const map = new FastMap({ key: string, value: point })
  map.set('a', 1).set('ä', 2)
  const copy = new FastMap({ key: string, value: point })
  await loadChunks(copy, dumpChunks(map))
  assert.deepEqual([...copy].sort(), [...map].sort())
  const other = new FastMap({ key: string, value: { ...point, name: 'other' } })
  await assert.rejects(loadChunks(other, dumpChunks(map)), { reason: 'codec', message: /длина 長さ 📏/ })
})
