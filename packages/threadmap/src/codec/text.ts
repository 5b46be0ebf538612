/**
 * Text in shared memory: one byte a character if all are below U+0100, else UTF-16. So every string has one stored form,
 * lone surrogates come back as they went in, and keys are compared byte by byte.
 */
import { META_LENGTH, WHOLE_VALUE } from '../bridge/layout.generated.js'
import { type Area, KEY, type Scratch, type Window } from '../bridge/scratch.js'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES, checkLength as refuseLength } from './limits.js'

/** A bit of the meta word: two bytes a character. */
const UTF16 = 0x10000000

/** Up to this length a loop over the characters is faster than a call into the runtime's string code (about 35 ns, Node 20). */
const SHORT = 48
/** How many arguments String.fromCharCode gets at once: they are on the stack. */
export const CHUNK = 4096

/** Writes `text` into an area and returns its meta word. */
export function writeText(scratch: Scratch, area: Area, text: string): number {
  const length = text.length
  if (length > SHORT) return writeLong(scratch, area, text)
  const words = scratch.i32
  let at = scratch.at[area] >>> 2
  let all = 0
  let i = 0
  // Words of four characters: the kernel reads words, and would wait for single bytes to leave the store buffer.
  for (; i + 3 < length; i += 4) {
    const a = text.charCodeAt(i)
    const b = text.charCodeAt(i + 1)
    const c = text.charCodeAt(i + 2)
    const d = text.charCodeAt(i + 3)
    all |= a | b | c | d
    words[at++] = a | (b << 8) | (c << 16) | (d << 24)
  }
  if (i < length) {
    let word = 0
    for (let shift = 0; i < length; i++, shift += 8) {
      const code = text.charCodeAt(i)
      all |= code
      word |= code << shift
    }
    words[at] = word
  }
  return all < 0x100 ? length : writeWide(scratch, area, text)
}

/** Engines keep a string as Latin-1 where they can: of such a string they know without looking at its characters that it has none of these. */
const WIDE = /[\u0100-\uffff]/

function writeLong(scratch: Scratch, area: Area, text: string): number {
  const length = text.length
  if (WIDE.test(text)) return writeWide(scratch, area, text)
  checkLength(area, length, text)
  const window = scratch.reserve(area, length)
  const at = window.at[area]
  if (window.text !== undefined) {
    window.text.latin1Write(text, at, length)
  } else if (!writeAscii(window, at, text)) {
    const bytes = window.u8
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
  }
  return length
}

function writeWide(scratch: Scratch, area: Area, text: string): number {
  const bytes = text.length * 2
  checkLength(area, bytes, text)
  const window = scratch.reserve(area, bytes)
  if (window.text !== undefined && bytes > SHORT) {
    window.text.ucs2Write(text, window.at[area], bytes)
    return bytes | UTF16
  }
  const at = window.at[area] >>> 1
  const units = window.u16
  for (let i = 0; i < text.length; i++) units[at + i] = text.charCodeAt(i)
  return bytes | UTF16
}

/** Made when it is needed: a page has one, but Jest's jsdom, which has a Buffer instead, does not. */
let encoder: TextEncoder | undefined
/** For windows in shared memory, to which browsers do not encode. */
let between: Uint8Array<ArrayBuffer> | undefined

/** Writes a text without any character above U+007F, and returns true; or writes something, and returns false. */
function writeAscii(window: Window, at: number, text: string): boolean {
  const length = text.length
  if (window.u8.buffer instanceof ArrayBuffer) return encoded(text, window.u8.subarray(at, at + length))
  if (length > WHOLE_VALUE) return false
  between ??= new Uint8Array(WHOLE_VALUE)
  if (!encoded(text, between.subarray(0, length))) return false
  window.u8.set(between.subarray(0, length), at)
  return true
}

function encoded(text: string, room: Uint8Array): boolean {
  encoder ??= new TextEncoder()
  const { read, written } = encoder.encodeInto(text, room)
  // Any other character takes two bytes or more, so that there is no room for the last ones.
  return read === text.length && written === read
}

function checkLength(area: Area, bytes: number, text: string): void {
  if (bytes > (area === KEY ? MAX_KEY_BYTES : MAX_VALUE_BYTES)) refuseLength(area, bytes, what(area, text))
}

function what(area: Area, text: string): string {
  return `the ${area === KEY ? 'key' : 'value'} '${text.slice(0, 20)}…' of ${text.length} characters`
}

/** Reads the text at `at`. */
export function readText(window: Window, at: number, meta: number): string {
  const length = meta & META_LENGTH
  if ((meta & UTF16) !== 0) {
    if (window.text !== undefined) return window.text.ucs2Slice(at, at + length)
    return fromCodes(new Uint16Array(window.u16.subarray(at >>> 1, (at + length) >>> 1)))
  }
  if (window.text !== undefined) return window.text.latin1Slice(at, at + length)
  return fromCodes(new Uint8Array(window.u8.subarray(at, at + length)))
}

/** The string of these character codes, without any decoding. */
function fromCodes(codes: Uint8Array | Uint16Array): string {
  if (codes.length <= CHUNK) return String.fromCharCode.apply(null, codes as unknown as number[])
  let text = ''
  for (let i = 0; i < codes.length; i += CHUNK) {
    text += String.fromCharCode.apply(null, codes.subarray(i, i + CHUNK) as unknown as number[])
  }
  return text
}
