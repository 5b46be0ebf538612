/**
 * Values. A number, a 64-bit integer or a 32-bit word is the entry's value word itself. Any other value is in a
 * block of its own: header {meta 32 | generation 32}, then the bytes; the value word is then {generation 32 | reference
 * 32}, a value that never repeats, so that an unchanged word means an unchanged value. SyncMap keeps every value that
 * way, as Go's sync.Map keeps a pointer. A value that is larger than a slab's largest block is in a chain of pages (memory/chains.ts).
 *
 * Values and results pass between JavaScript and the kernel through scratch areas that each thread has for itself.
 */
import { exchange64, fence, get32, load32, load64, reach, store32, store64 } from '../atomics'
import { isInside, numberAt } from '../cache/inside'
import { writeRecord } from '../cache/record'
import { blockContent, chainBytes, chainContent, isCache, piece } from '../cache/state'
import {
  AREA_EXPECTED,
  AREA_VALUE,
  E_AREA,
  ENTRY_VALUE,
  META_LENGTH,
  META_MARK,
  META_NUMBER,
  R_BYTES,
  R_DETAIL,
  R_META,
  R_WORD,
  TYPE_BYTES,
  TYPE_F64,
  TYPE_U32,
  WHOLE_VALUE,
} from '../layout'
import { allocate, free } from '../memory/blocks'
import { allocateChain, nextInChain } from '../memory/chains'
import { pull, push } from './carry'
import { copyWords } from './table'

/** This thread's scratch areas: for a value, for the value that is expected, for the result. */
export let valueAt: u32 = 0
export let expectedAt: u32 = 0
export let resultAt: u32 = 0
/** How many bytes of a result this thread's private window holds. */
let windowSize: u32 = 0

let valueType: u32 = 0
/** Whether values are in the entry itself. */
export let isInline: bool = false

export function setValueAreas(value: u32, expected: u32, result: u32): void {
  valueAt = value
  expectedAt = expected
  resultAt = result
}

export function setWindow(size: u32): void {
  windowSize = size
}

export function setValueType(type: u32, inline: bool): void {
  valueType = type
  isInline = inline
}

export function setDetail(detail: u32): void {
  store<u32>(resultAt + R_DETAIL, detail)
}

/** The length in bytes of a value with this meta word. */
export function lengthOf(meta: u32): u32 {
  return valueType == TYPE_BYTES ? meta & META_LENGTH : 8
}

/** Whether the private window holds `size` bytes; if not, the caller returns E_AREA. */
export function fits(size: u32): bool {
  if (size <= windowSize) return true
  setDetail(size)
  return false
}

/** The size in bytes of the block for a value with this meta word. */
export function blockSize(meta: u32): u32 {
  return blockContent + max(lengthOf(meta), 8)
}

/** A block that holds the value in the value area, or 0. Its generation is even: it is in use, though nobody knows it. */
export function newValueBlock(heap: u32, meta: u32): u32 {
  const length = lengthOf(meta)
  const isChain = length > WHOLE_VALUE
  const block = isChain ? allocateChain(heap, length) : allocate(heap, blockSize(meta))
  if (block == 0) return 0
  store32(block + 4, meta)
  store32(block, get32(block) + 1)
  if (isCache) writeRecord(block, isChain)
  if (isChain) fillChain(block, length)
  else copyWords(block + blockContent, valueAt, length)
  return block
}

/**
 * The value's bytes go from the private buffer to the pages at once: by way of the value area, in pieces, a text of 16,384 characters took 2.5 us
 * more (Node 24).
 */
function fillChain(head: u32, length: u32): void {
  let page = head
  for (let offset: u32 = 0; offset < length && page != 0; ) {
    const size = min(length - offset, chainBytes)
    pull(AREA_VALUE, offset, size, page + chainContent)
    offset += size
    page = nextInChain(page)
  }
}

export function wordOfBlock(block: u32): u64 {
  return ((<u64>get32(block)) << 32) | <u64>block
}

/** Copies the value of a cache's entry into the result area, under the lock that writers take. PRESENT is 1; else E_AREA. */
export function copyOutOf(entry: u32, word: u64): i32 {
  if (!isCache || !isInside(word)) return copyOut(word)
  giveNumber(load64(numberAt(entry)))
  return 1
}

/** Leaves a number that was inside its entry in the result area, as a block's content would be. */
// @inline
export function giveNumber(number: u64): void {
  store<u64>(resultAt + R_WORD, number)
  store<u32>(resultAt + R_META, META_NUMBER)
  store<u64>(resultAt + R_BYTES, number)
}

/** Copies the value into the result area, under the lock that writers take. PRESENT is 1; else E_AREA. */
export function copyOut(word: u64): i32 {
  return copyOutValidated(word)
}

/**
 * Copies a value into the result area, or through it into the private window, while writers may change it. Returns 1, E_AREA,
 * or 0: the value changed meanwhile. The copy is the block's content if the generation is the same before and after; the
 * caller knows that the word named a block.
 */
// @inline
export function copyOutValidated(word: u64): i32 {
  store<u64>(resultAt + R_WORD, word)
  if (isInline) return 1
  const block = <u32>word
  reach(block)
  const head = load64(block)
  if (<u32>head != <u32>(word >> 32)) return 0
  const meta = <u32>(head >> 32) & ~META_MARK
  const length = lengthOf(meta)
  store<u32>(resultAt + R_META, meta)
  if (length > WHOLE_VALUE) return copyChainOut(block, <u32>head, length)
  copyWords(resultAt + R_BYTES, block + blockContent, length)
  return <u32>load64(block) == <u32>head ? 1 : 0
}

/**
 * `copyOutValidated` for a chain. The pages belonged to this value as long as the generation in its head is the same: it changes before
 * the first of them is given back. So it is looked at before a page is left for the next, and at the end. A page goes to the private window at
 * once: by way of the result area, in pieces, a text of 16,384 characters took 1.5 us more.
 */
function copyChainOut(head: u32, generation: u32, length: u32): i32 {
  if (!fits(length)) return E_AREA
  let page = head
  for (let offset: u32 = 0; offset < length; ) {
    if (page == 0) return 0
    const size = min(length - offset, chainBytes)
    push(page + chainContent, offset, size)
    fence(resultAt + R_DETAIL)
    offset += size
    page = nextInChain(page)
    if (load32(head) != generation) return 0
  }
  return 1
}

function sameNumber(a: u64, b: u64): bool {
  const x = reinterpret<f64>(a)
  const y = reinterpret<f64>(b)
  return x == y || (x != x && y != y)
}

function sameWord(a: u64, b: u64): bool {
  if (valueType == TYPE_F64) return sameNumber(a, b)
  if (valueType == TYPE_U32) return <u32>a == <u32>b
  return a == b
}

/** Whether an entry's value, with this value word, equals the one in the expected area. The value can't change meanwhile. */
export function equalsExpected(entry: u32, word: u64, meta: u32): bool {
  if (isInline) return sameWord(word, load<u64>(expectedAt))
  if (isCache && isInside(word)) return sameWord(load64(numberAt(entry)), load<u64>(expectedAt))
  return blockEqualsExpected(<u32>word, meta)
}

export function blockEqualsExpected(block: u32, meta: u32): bool {
  if (valueType != TYPE_BYTES) return sameWord(load64(block + blockContent), load<u64>(expectedAt))
  if ((load32(block + 4) & ~META_MARK) != meta) return false
  const length = meta & META_LENGTH
  return length > WHOLE_VALUE ? chainEqualsExpected(block, length) : sameBytes(block + blockContent, length)
}

/** Whether the bytes at `at` are the first `length` bytes of the expected area. */
function sameBytes(at: u32, length: u32): bool {
  let offset: u32 = 0
  while (offset + 8 <= length) {
    if (load64(at + offset) != load<u64>(expectedAt + offset)) return false
    offset += 8
  }
  const rest = length & 7
  if (rest == 0) return true
  const mask = ((<u64>1) << (rest << 3)) - 1
  return ((load64(at + offset) ^ load<u64>(expectedAt + offset)) & mask) == 0
}

/** Where writers may change the chain meanwhile (SyncMap), the caller checks its generation afterwards. */
function chainEqualsExpected(head: u32, length: u32): bool {
  let page = head
  for (let offset: u32 = 0; offset < length; ) {
    if (page == 0) return false
    for (let at: u32 = 0; at < chainBytes && offset < length; at += piece) {
      const size = min(length - offset, piece)
      pull(AREA_EXPECTED, offset, size, expectedAt)
      if (!sameBytes(page + chainContent + at, size)) return false
      offset += size
    }
    page = nextInChain(page)
  }
  return true
}

/** The sum of two value words. */
export function sum(word: u64, delta: u64): u64 {
  if (valueType == TYPE_F64) return reinterpret<u64>(reinterpret<f64>(word) + reinterpret<f64>(delta))
  if (valueType == TYPE_U32) return <u64>(<u32>word + <u32>delta)
  return word + delta
}

/**
 * Leaves the number in the value area as the result of `add` where values are in blocks. Its length is stored too: the page of the result area may have
 * been another thread's, and hold anything.
 */
export function returnNumber(): void {
  store<u64>(resultAt + R_BYTES, load<u64>(valueAt))
  store<u32>(resultAt + R_META, META_NUMBER)
}

/** Frees the block of a value, if it has one. */
export function freeValue(heap: u32, word: u64): void {
  if (!isCache || !isInside(word)) free(heap, <u32>word)
}

/** Replaces an entry's value by a word: that is the linearization point. Frees what was there. */
export function setWord(heap: u32, entry: u32, word: u64): void {
  if (isInline) {
    store64(entry + ENTRY_VALUE, word)
    return
  }
  freeValue(heap, exchange64(entry + ENTRY_VALUE, word))
}
