import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttachError, FastMap, f64, type MapHandle, string } from 'threadmap'
import { type AnyMap, type MapClass, mapClasses, TEST_BYTES } from '../support/maps.js'
import { Random } from '../support/random.js'
import { withMap } from '../support/room.js'

/** `attach` refuses what is no map of this library, of this version or of this kind, and what is damaged. */

const PAGE = 65536

function refused(Class: MapClass, handle: unknown, what: string, mention?: string): void {
  assert.throws(
    () => Class.attach(handle),
    error =>
      error instanceof AttachError &&
      error.code === 'ERR_THREADMAP_ATTACH' &&
      error.message.length > 20 &&
      (mention === undefined || error.message.includes(mention)),
    what,
  )
}

/** A handle to a byte-for-byte copy of the map's memory, altered by `alter`. */
function copyOf(map: AnyMap, alter: (copy: DataView) => void = () => undefined, pages?: number): MapHandle {
  const from = new Uint8Array(map.handle.memory.buffer)
  const initial = pages ?? from.length / PAGE
  const memory = new WebAssembly.Memory({ initial, maximum: TEST_BYTES / PAGE, shared: true })
  new Uint8Array(memory.buffer).set(from.subarray(0, initial * PAGE))
  alter(new DataView(memory.buffer))
  return { ...map.handle, memory }
}

function grownMap(Class: MapClass): AnyMap {
  const map = new Class({ key: string, value: f64, maxBytes: TEST_BYTES })
  for (let i = 0; i < 5000; i++) map.set(`key ${i}`, i)
  return map
}

for (const Class of mapClasses) {
  test(`${Class.name}: what is no handle is refused`, () =>
    withMap(grownMap(Class), map => {
      const { handle } = map
      for (const junk of [undefined, null, 0, 'handle', [], {}, () => 1, Symbol('handle'), map, handle.memory]) {
        refused(Class, junk, String(junk === map ? 'a map' : junk))
      }
      // The memory itself has the names of its codecs: those in the handle are for people.
      for (const field of ['threadmap', 'kind', 'memory'] as const) {
        const { [field]: _, ...rest } = handle
        refused(Class, rest, `a handle without ${field}`)
        refused(Class, { ...handle, [field]: null }, `a handle with null ${field}`)
        refused(Class, { ...handle, [field]: {} }, `a handle with {} as ${field}`)
      }
      refused(Class, { ...handle, threadmap: handle.threadmap + 1 }, 'another version')
      refused(Class, { ...handle, kind: 'HashMap' }, 'an unknown kind')
      assert.equal(map.stats().threads, 1)
    }))

  test(`${Class.name}: foreign memory is refused`, () =>
    withMap(grownMap(Class), ({ handle }) => {
      const random = Random.of('foreign')
      for (const shared of [true, false]) {
        const memory = new WebAssembly.Memory({ initial: 16, maximum: 64, shared })
        refused(Class, { ...handle, memory }, 'empty memory')
        new Uint8Array(memory.buffer).set(random.bytes(16 * PAGE))
        refused(Class, { ...handle, memory }, 'random memory')
      }
      refused(
        Class,
        { ...handle, memory: new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }) },
        'no memory',
      )
      refused(Class, { ...handle, memory: new SharedArrayBuffer(PAGE) }, 'a buffer')
      refused(Class, { ...handle, memory: { buffer: handle.memory.buffer } }, 'something like a memory')
    }))

  test(`${Class.name}: memory of another magic, version or kind is refused by name`, () =>
    withMap(grownMap(Class), map => {
      const layout = new DataView(map.handle.memory.buffer).getUint32(4, true)
      refused(
        Class,
        copyOf(map, copy => copy.setUint32(0, copy.getUint32(0, true) ^ 1, true)),
        'another magic',
      )
      for (const other of [0, layout + 1, 99]) {
        refused(
          Class,
          copyOf(map, copy => copy.setUint32(4, other, true)),
          `layout ${other}`,
          `${other}`,
        )
      }
      for (const Other of mapClasses) {
        if (Other !== Class) refused(Other, { ...map.handle, kind: Other.name }, 'a handle that lies', Class.name)
      }
    }))

  test(`${Class.name}: truncated memory is refused`, () =>
    withMap(grownMap(Class), map => {
      const pages = map.handle.memory.buffer.byteLength / PAGE
      for (const kept of new Set([1, 2, pages >> 1, pages - 1])) {
        if (kept > 0 && kept < pages) refused(Class, copyOf(map, undefined, kept), `${kept} of ${pages} pages`)
      }
    }))

  test(`${Class.name}: a refused attach leaves the memory as it was`, () =>
    withMap(grownMap(Class), map => {
      for (const alter of [4, 0]) {
        const handle = copyOf(map, copy => copy.setUint32(alter, 0xdead, true))
        const before = Buffer.from(new Uint8Array(handle.memory.buffer).slice())
        refused(Class, handle, 'altered')
        assert.ok(before.equals(new Uint8Array(handle.memory.buffer)))
      }
    }))

  test(`${Class.name}: a copy of the memory is a map of its own`, () =>
    withMap(grownMap(Class), map => {
      const copy = Class.attach(copyOf(map))
      for (let i = 0; i < 5000; i++) assert.equal(copy.get(`key ${i}`), i)
      copy.set('key 1', -1)
      assert.equal(map.get('key 1'), 1)
      copy[Symbol.dispose]()
    }))
}

test('a handle that came through JSON, as between processes, is refused with the reason', () => {
  const map = new FastMap({ key: string, value: f64 })
  const copy = JSON.parse(JSON.stringify(map.handle))
  assert.throws(() => FastMap.attach(copy), /AttachError.*no WebAssembly\.Memory.*Processes.*share no memory/)
})
