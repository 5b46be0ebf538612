import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AttachError, DamagedMemoryError, FastMap, f64, json, string, ThreadmapError } from 'threadmap'
import { Mutex, RWMutex, WaitGroup } from 'threadmap/sync'
import { L } from '../../explore/thread.js'
import { SEED } from '../../support/random.js'

/** Damaged memory, and forged handles. */

const TRIALS = 320
/** A trial waits 20 ms for each lock that damage seems to hold: seconds at most, and longer on a busy machine. */
const HANG_MS = 120_000

interface Line {
  trial: number
  name: string
  begun?: boolean
  bare?: string
  outcomes?: Record<string, number>
}

test(`${TRIALS} memories with flipped bytes: nothing hangs, and nothing is thrown but this library's errors`, async () => {
  const program = fileURLToPath(new URL('../../programs/vandal.js', import.meta.url))
  const child = spawn(process.execPath, [program, String(SEED), String(TRIALS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  let last: Line | undefined
  let dog = setTimeout(() => {}, 0)
  const bare: string[] = []
  const outcomes: Record<string, number> = {}
  let hung = false
  let done = 0
  for await (const text of createInterface(child.stdout)) {
    clearTimeout(dog)
    dog = setTimeout(() => {
      hung = true
      child.kill('SIGKILL')
    }, HANG_MS)
    last = JSON.parse(text) as Line
    if (last.bare !== undefined) bare.push(`trial ${last.trial} (${last.name}): ${last.bare}`)
    if (last.outcomes !== undefined) {
      done++
      for (const [what, count] of Object.entries(last.outcomes)) outcomes[what] = (outcomes[what] ?? 0) + count
    }
  }
  clearTimeout(dog)
  const [code] = await exited
  const where = `THREADMAP_SEED=${SEED}, trial ${last?.trial} (${last?.name})`
  assert.ok(!hung, `it hangs: ${where}`)
  assert.deepEqual(bare, [], `THREADMAP_SEED=${SEED}`)
  assert.equal(code, 0, where)
  assert.equal(done, TRIALS, where)
  assert.ok((outcomes.AttachError ?? 0) > 0 && (outcomes.ok ?? 0) > 0, JSON.stringify(outcomes))
})

function damagedMap(change: (words: Uint32Array, bytes: Uint8Array) => void) {
  const map = new FastMap({ key: string, value: json<unknown>(), shards: 1, lockTimeout: 50 })
  for (let i = 0; i < 100; i++) map.set(`key ${i}`, { i })
  const { handle } = map
  change(new Uint32Array(handle.memory.buffer), new Uint8Array(handle.memory.buffer))
  return { map, attach: () => FastMap.attach(handle) }
}

test('attach checks the configuration, the codecs, the secret words and where addresses lead', () => {
  const changes: ((words: Uint32Array) => void)[] = [
    words => (words[L.H_SEED >>> 2] ^= 1),
    words => (words[L.H_LOCK_TIMEOUT >>> 2] ^= 0x40000000),
    words => (words[L.H_TEXT >>> 2] ^= 1),
    words => (words[(L.H_TEXT + 8) >>> 2] ^= 0x20),
    words => (words[L.HASH_KEYS >>> 2] ^= 1),
    words => (words[L.H_CHECKSUM >>> 2] ^= 1),
    words => (words[(L.SHARDS + L.D_TABLE) >>> 2] = 64),
    words => (words[(L.SHARDS + L.D_TABLE) >>> 2] |= 31),
    words => (words[(L.SHARDS + L.D_HEAP + L.P_ID) >>> 2] = 7),
    words => (words[(L.REGISTRY + 9 * L.SLOT_SIZE + L.S_STATE) >>> 2] = 3),
    words => (words[L.H_PAGES_USED >>> 2] = 0xffffffff),
  ]
  for (const change of changes) {
    const { map, attach } = damagedMap(change)
    assert.throws(
      attach,
      (error: unknown) => error instanceof AttachError && /damaged/.test(error.message),
      String(change),
    )
    map[Symbol.dispose]()
  }
})

test('a thread that meets damage says so, goes no further, and counts as dead for the others', () => {
  const { map, attach } = damagedMap(() => {})
  using other = attach()
  const words = new Uint32Array(map.handle.memory.buffer)
  const word = words[(L.SHARDS + L.D_TABLE) >>> 2]
  const table = word & ~63
  // Every slot of the table leads out of the memory.
  for (let at = table; at < table + 64 * 2 ** (word & 31); at += 8)
    if (at % 64 !== 0 && words[at >>> 2] !== 0) words[at >>> 2] = 0xfffffff0
  assert.throws(() => other.get('key 7'), DamagedMemoryError)
  assert.throws(() => other.set('other', 1), DamagedMemoryError)
  assert.throws(() => other.size, DamagedMemoryError)
  assert.throws(
    () => map.get('key 7'),
    (error: unknown) => error instanceof DamagedMemoryError && /audit\(\)/.test(error.message),
  )
  map[Symbol.dispose]()
})

test('a value that is no JSON is told as damage', () => {
  const { map } = damagedMap((_words, bytes) => {
    for (let at = bytes.length - 6; at > 0; at--) {
      if (bytes[at] === 0x7b && bytes[at + 1] === 0x22 && bytes[at + 2] === 0x69) bytes[at] = 0x7d
    }
  })
  assert.throws(() => map.get('key 7'), DamagedMemoryError)
  map[Symbol.dispose]()
})

test('a handle of another version is refused by its version', () => {
  const map = new FastMap({ key: string, value: f64 })
  const mutex = new Mutex()
  const refused = (error: unknown): boolean =>
    error instanceof AttachError && /layout version 999.*reads \d+/.test(error.message)
  assert.throws(() => FastMap.attach({ ...map.handle, threadmap: 999 }), refused)
  assert.throws(() => Mutex.attach({ ...mutex.handle, threadmap: 999 }), refused)
  map[Symbol.dispose]()
  mutex[Symbol.dispose]()
})

test('a forged handle of a lock is refused, and nothing is written where it points to', () => {
  const mutex = new Mutex()
  const rw = new RWMutex()
  const group = new WaitGroup()
  const { handle } = mutex
  const words = new Uint32Array(handle.memory.buffer)
  const before = words.slice(0, handle.address >>> 2)
  const addresses = [
    0,
    1,
    4,
    8,
    64,
    4096,
    L.REGISTRY,
    L.SHARDS,
    handle.address - 8,
    handle.address + 8,
    handle.address + 1,
  ]
  addresses.push(
    handle.address + L.LOCK_BYTES * 3,
    words.byteLength - 4,
    words.byteLength,
    2 ** 31,
    2 ** 32 - 256,
    -1,
    0.5,
    Number.NaN,
    2 ** 40,
  )
  for (const address of addresses) {
    // With the handle's generation, and with the word at the address as generation.
    for (const generation of [handle.generation, address >>> 0 === address ? (words[address >>> 2] ?? 0) : 0]) {
      assert.throws(() => Mutex.attach({ ...handle, address, generation }), AttachError, String(address))
    }
  }
  assert.throws(() => Mutex.attach({ ...handle, address: '8' } as never), AttachError)
  assert.throws(
    () => Mutex.attach({ ...handle, address: rw.handle.address, generation: rw.handle.generation }),
    AttachError,
  )
  assert.throws(() => RWMutex.attach({ ...rw.handle, address: group.handle.address }), AttachError)
  const map = new FastMap({ key: string, value: f64 })
  map.set('a', 1)
  const heap = new Uint32Array(map.handle.memory.buffer)[L.H_HEAP_START >>> 2]
  for (const address of [heap, heap + 64, heap + 80]) {
    assert.throws(() => Mutex.attach({ ...handle, memory: map.handle.memory, address }), ThreadmapError)
  }
  assert.deepEqual(map.audit(), [])
  assert.deepEqual(words.slice(256, 1024), before.slice(256, 1024))
  const again = Mutex.attach(handle)
  again.lock()
  again.unlock()
  for (const lock of [mutex, rw, group, map]) lock[Symbol.dispose]()
})
