/**
 * Keys that are strings of JavaScript, and are read here instead of there: the two imports are WebAssembly's JS String Builtins, which
 * an engine inlines. Where a runtime lacks them, src/bridge/instance.ts imports functions of JavaScript in their place, and the library
 * writes keys into the key area itself. Both ways leave one meta word, one hash and one content of the key area.
 */
import { H_HASH, HASH_DEFAULT } from '../layout'
import { finishSum, metaTerm, pairTerm, tableHash } from './hash'
import { keyAt } from './key'

// @external wasm:js-string length
declare function lengthOf(text: externref): i32

// @external wasm:js-string charCodeAt
declare function codeAt(text: externref, index: i32): i32

/** Of the meta word: two bytes a character, as in src/codec/text.ts. */
const UTF16: u32 = 0x10000000

/** The meta word of the key that `hashText` read last. */
export let textMeta: u32 = 0

/**
 * Writes the key into the key area and returns its hash. The key has at most MAX_TEXT characters, so that it is one block of the default
 * hash in either form. Called before the first access to shared words: Asyncify cannot keep a string across a suspension.
 */
export function hashText(text: externref): u64 {
  const length = <u32>lengthOf(text)
  let sum = metaTerm(length)
  let all: u32 = 0
  let at: u32 = 0
  while (at + 8 <= length) {
    const a = codeAt(text, at)
    const b = codeAt(text, at + 1)
    const c = codeAt(text, at + 2)
    const d = codeAt(text, at + 3)
    const e = codeAt(text, at + 4)
    const f = codeAt(text, at + 5)
    const g = codeAt(text, at + 6)
    const h = codeAt(text, at + 7)
    all |= a | b | c | d | e | f | g | h
    const low = <u32>(a | (b << 8) | (c << 16) | (d << 24))
    const high = <u32>(e | (f << 8) | (g << 16) | (h << 24))
    store<u64>(keyAt + at, <u64>low | ((<u64>high) << 32))
    sum += pairTerm(at, low, high)
    at += 8
  }
  if (at < length) {
    let word: u64 = 0
    for (let i = length; i > at; ) {
      const code = codeAt(text, --i)
      all |= code
      word = (word << 8) | <u64>code
    }
    store<u64>(keyAt + at, word)
    sum += pairTerm(at, <u32>word, <u32>(word >> 32))
  } else if (length == 0) {
    store<u64>(keyAt, 0)
  }
  if (all > 0xff) return hashWideText(text, length)
  textMeta = length
  const kind = load<u32>(H_HASH)
  return kind == HASH_DEFAULT ? finishSum(sum) : tableHash(kind, keyAt, length)
}

/** `hashText` for a key with a character above U+00FF: two bytes a character. */
function hashWideText(text: externref, length: u32): u64 {
  const meta = (length << 1) | UTF16
  let word: u64 = 0
  for (let i: u32 = 0; i < length; i++) {
    const shift = (i & 3) << 4
    word |= (<u64>codeAt(text, i)) << shift
    if (shift != 48 && i + 1 < length) continue
    store<u64>(keyAt + ((i & ~3) << 1), word)
    word = 0
  }
  textMeta = meta
  return tableHash(load<u32>(H_HASH), keyAt, meta)
}
