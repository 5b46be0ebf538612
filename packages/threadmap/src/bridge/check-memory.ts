/**
 * The checks of `attach`, before anything else reads a memory: this library made the memory, in this version; it is whole; and the words
 * that never change (configuration, codec names, the hash's secret words) are as they were when it was made. Of the words that
 * change all the time, `attach` checks that addresses lead to where they must.
 */
import { AttachError } from '../errors/classes.js'
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'
import { kindOf } from './policies.js'

/** Pages of WebAssembly that hold header, hash keys and registry; the kernel adds pages for the shards. */
export const FIRST_PAGES = 2

/** The words of the header that no thread changes once the memory is complete. */
const CONSTANT_WORDS: readonly number[] = [
  ...Array.from({ length: (L.H_DETECT - L.H_POLICY) / 4 + 1 }, (_, i) => L.H_POLICY + i * 4),
  L.H_COMPUTE_TIMEOUT,
  L.H_IDENTITY,
  L.H_LOCKS,
  ...Array.from({ length: (L.H_CACHE_END - L.H_CACHES) / 4 }, (_, i) => L.H_CACHES + i * 4),
]

/** A checksum of the words that never change. It finds damage, not forgery. */
export function headerChecksum(words: Uint32Array): number {
  let sum = 0x811c9dc5
  const add = (address: number): void => {
    sum = Math.imul(sum ^ words[address >>> 2], 0x9e3779b1)
    sum ^= sum >>> 15
  }
  for (const address of CONSTANT_WORDS) add(address)
  for (let address = L.H_TEXT; address < L.H_TEXT + L.TEXT_MAX; address += 4) add(address)
  for (let address = L.HASH_KEYS; address < L.HASH_KEYS + L.HASH_KEYS_SIZE; address += 4) add(address)
  return sum >>> 0
}

/** Whether `value` is a memory. Its brand says so, since it can come from another realm (a `vm` context, as in test runners). */
export function isMemory(value: unknown): value is MapMemory {
  try {
    const buffer = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, 'buffer')
    buffer?.get?.call(value)
    return true
  } catch {
    return false
  }
}

function isShared(buffer: unknown): buffer is SharedArrayBuffer {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]'
}

/** Of a handle that is a copy by way of JSON, for example: that is how processes send each other messages. */
export const NO_MEMORY =
  'the handle holds no WebAssembly.Memory: send it to a thread of this process by workerData or postMessage. Processes (child_process, node:cluster, PM2) share no memory; see docs/processes.md'

/** `AttachError` for a memory that this library did not make, for another policy or version, and for a damaged one. */
export function checkMemory(memory: MapMemory, policy: number): void {
  if (!isMemory(memory)) throw new AttachError(NO_MEMORY)
  const buffer: unknown = memory.buffer
  if (!isShared(buffer)) throw new AttachError('the memory of the handle is not shared between threads')
  if (buffer.byteLength < FIRST_PAGES * L.WASM_PAGE) {
    throw new AttachError(
      `the memory has ${buffer.byteLength} bytes; a map's has ${FIRST_PAGES * L.WASM_PAGE} at least`,
    )
  }
  const words = new Uint32Array(buffer)
  // The header's count of pages is read before the buffer's length: other threads make the memory grow meanwhile, and this thread's
  // buffer lags behind until `grow(0)`. `grow` is called only if it must be: V8 looks at each shared memory of the thread then,
  // and every task of a pool that attaches brings one more.
  const pages = Atomics.load(words, L.H_PAGES_SEEN >>> 2)
  if (buffer.byteLength < pages * L.PAGE) memory.grow(0)
  const bytes = memory.buffer.byteLength
  const magic = words[L.H_MAGIC >>> 2]
  if (magic !== L.MAGIC) {
    throw new AttachError(
      `the memory is not a threadmap's: it begins with 0x${magic.toString(16)}, not 0x${L.MAGIC.toString(16)}`,
    )
  }
  const version = words[L.H_VERSION >>> 2]
  if (version !== L.LAYOUT_VERSION) {
    throw new AttachError(
      `the memory has layout version ${version}, and this version of threadmap reads ${L.LAYOUT_VERSION}: use the same version in all threads`,
    )
  }
  if (bytes < pages * L.PAGE) {
    throw new AttachError(
      `the memory has ${bytes} bytes of the ${pages * L.PAGE} it had when it was copied: it is truncated`,
    )
  }
  if (Atomics.load(new Int32Array(buffer), L.H_READY >>> 2) !== 1)
    throw new AttachError('the memory was never completed')
  const found = words[L.H_POLICY >>> 2]
  if (found !== policy) {
    throw new AttachError(
      `the memory is that of a ${kindOf(found) ?? 'map of an unknown kind'}, and the handle says ${kindOf(policy)}`,
    )
  }
  checkConstants(words)
  checkAddresses(new Uint32Array(memory.buffer))
}

function damaged(what: string, address: number, value: number): AttachError {
  return new AttachError(
    `the memory is damaged: ${what} (at 0x${address.toString(16)}: 0x${value.toString(16)}). Something outside this library wrote to it; create the map anew`,
  )
}

function checkConstants(words: Uint32Array): void {
  const stored = words[L.H_CHECKSUM >>> 2]
  const sum = headerChecksum(words)
  if (sum !== stored) {
    throw damaged(`the checksum of its configuration is 0x${sum.toString(16)}`, L.H_CHECKSUM, stored)
  }
}

/** Words that change while threads work: each is loaded at once, and is always one that some thread wrote. */
function checkAddresses(words: Uint32Array): void {
  const word = (address: number): number => Atomics.load(words, address >>> 2)
  const expect = (holds: boolean, what: string, address: number): void => {
    if (!holds) throw damaged(what, address, word(address))
  }
  const bits = word(L.H_SHARD_BITS)
  const shards = word(L.H_SHARDS)
  const heapStart = word(L.H_HEAP_START)
  const pages = word(L.H_PAGES_SEEN)
  const end = pages * L.PAGE
  expect(bits <= L.MOST_SHARD_BITS, 'it has more shards than there can be', L.H_SHARD_BITS)
  expect(shards === L.SHARDS, 'the shards are not at this address', L.H_SHARDS)
  expect(heapStart % L.PAGE === 0 && heapStart <= end, 'the pages do not begin at this address', L.H_HEAP_START)
  expect(pages <= word(L.H_MAX_PAGES), 'it has more pages than it may have', L.H_PAGES_SEEN)
  const used = word(L.H_PAGES_USED)
  expect(used <= pages, 'more pages are in use than there are', L.H_PAGES_USED)
  for (let slot = 0; slot < L.SLOT_COUNT; slot++) {
    const state = L.REGISTRY + slot * L.SLOT_SIZE + L.S_STATE
    expect((word(state) & L.STATE_MASK) <= L.SLOT_DEAD, 'a thread neither lives nor is dead', state)
  }
  for (let index = 0; index < 2 ** bits; index++) {
    const shard = shards + index * L.SHARD_SIZE
    expect(word(shard + L.D_HEAP + L.P_ID) === index, "a shard's heap has another's number", shard + L.D_HEAP + L.P_ID)
    const low = word(shard + L.D_TABLE)
    const table = (low & ~63) >>> 0
    const size = 64 * 2 ** (low & 31)
    const isEmpty = table === L.H_EMPTY_TABLE && size === 64
    const isInside = table >= heapStart && table + size <= word(L.H_PAGES_SEEN) * L.PAGE
    expect(isEmpty || isInside, "a shard's table is not among the pages", shard + L.D_TABLE)
  }
}
