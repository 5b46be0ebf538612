/**
 * The format of a dump, and the part that writes it.
 *
 *   dump    = magic, 8 bytes | version u32 | length u32 | description, JSON in UTF-8 | sum u32 | block* | end
 *   block   = length u32, not 0 | records u32 | sum u32 | records | sum u32
 *   end     = 0 u32 | 0 u32 | sum u32 | all records f64 | sum u32
 *   record  = meta of the key u32 | meta of the value u32 | [until f64] | key | value
 *
 * A record has `until` if the description has `written`: the milliseconds from then on in which the value is fresh.
 *
 * All numbers are little-endian. A sum is the CRC-32 of all bytes before it, other sums excepted, so a block that is missing, doubled
 * or in another place is noticed as well as a changed bit. The head of a block has a sum of its own: without it, a changed length would
 * look like a dump that ends too early. Keys and values have the form in which the codecs store them in shared memory: a change of
 * that form needs a new DUMP_VERSION.
 */
import { Checksum } from './checksum.js'

/** The first bytes. Like those of PNG, they show if a program took the file for text and changed its line ends. */
export const MAGIC: Readonly<Uint8Array> = Uint8Array.of(0x89, 0x54, 0x4d, 0x41, 0x50, 0x0d, 0x0a, 0x1a)
export const DUMP_VERSION = 1
/** Bytes of magic, version and the description's length. */
export const START = MAGIC.length + 8
export const SUM = 4
/** Bytes of a block's length and number of records. */
export const BLOCK_HEAD = 8
/** Bytes of the number of all records. */
export const TOTAL = 8
/** Bytes of a record before its key, without and with a time. */
export const METAS = 8
const TIME = 8
/** The longest description: names of codecs, of which that of a `struct` has all its fields. */
export const LONGEST_DESCRIPTION = 2 ** 20
/** Bytes of records after which a block ends. A longer record is a block alone. */
const BLOCK = 64 * 1024

/** The facts about a dump that stand in its head. */
export interface Description {
  /** The class of the map. */
  readonly kind: string
  /** The names of the codecs. */
  readonly key: string
  readonly value: string
  /** Of a cache: the time of the wall clock at which the dump began, in milliseconds since 1970. */
  readonly written?: number
}

/** A key and its value in their stored form; the metas have the lengths. */
export interface RawRecord {
  readonly keyMeta: number
  readonly valueMeta: number
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** How long after `written` the value is fresh, in milliseconds. Infinity for maps. */
  readonly until: number
}

/** Bytes of each record before its key. */
export function recordHead({ written }: Description): number {
  return written === undefined ? METAS : METAS + TIME
}

/** The parts of a dump in order. Each is an array of its own, which the caller may keep. */
export function* encodeDump(description: Description, records: Iterable<RawRecord>): Generator<Uint8Array> {
  const sum = new Checksum()
  const head = recordHead(description)
  yield encodeStart(description, sum)
  let total = 0
  let pending: RawRecord[] = []
  let length = 0
  for (const record of records) {
    const size = head + record.key.length + record.value.length
    if (length > 0 && length + size > BLOCK) {
      yield encodeBlock(pending, length, head, sum)
      pending = []
      length = 0
    }
    pending.push(record)
    length += size
    total++
  }
  if (length > 0) yield encodeBlock(pending, length, head, sum)
  yield encodeEnd(total, sum)
}

/** The description as JSON of ASCII alone, which needs no TextEncoder: Jest's jsdom has none. */
function asciiOf(description: Description): Uint8Array {
  const text = JSON.stringify(description).replace(
    /[\u0080-\uffff]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return Uint8Array.from(text, char => char.charCodeAt(0))
}

function encodeStart(description: Description, sum: Checksum): Uint8Array {
  const text = asciiOf(description)
  const part = new Uint8Array(START + text.length + SUM)
  const view = new DataView(part.buffer)
  part.set(MAGIC)
  view.setUint32(MAGIC.length, DUMP_VERSION, true)
  view.setUint32(MAGIC.length + 4, text.length, true)
  part.set(text, START)
  view.setUint32(START + text.length, sum.add(part, 0, START + text.length), true)
  return part
}

function encodeBlock(records: readonly RawRecord[], length: number, head: number, sum: Checksum): Uint8Array {
  const part = new Uint8Array(BLOCK_HEAD + SUM + length + SUM)
  const view = new DataView(part.buffer)
  view.setUint32(0, length, true)
  view.setUint32(4, records.length, true)
  view.setUint32(BLOCK_HEAD, sum.add(part, 0, BLOCK_HEAD), true)
  let at = BLOCK_HEAD + SUM
  for (const { keyMeta, valueMeta, key, value, until } of records) {
    view.setUint32(at, keyMeta, true)
    view.setUint32(at + 4, valueMeta, true)
    if (head > METAS) view.setFloat64(at + METAS, until, true)
    part.set(key, at + head)
    part.set(value, at + head + key.length)
    at += head + key.length + value.length
  }
  view.setUint32(at, sum.add(part, BLOCK_HEAD + SUM, at), true)
  return part
}

function encodeEnd(total: number, sum: Checksum): Uint8Array {
  const part = new Uint8Array(BLOCK_HEAD + SUM + TOTAL + SUM)
  const view = new DataView(part.buffer)
  view.setUint32(BLOCK_HEAD, sum.add(part, 0, BLOCK_HEAD), true)
  view.setFloat64(BLOCK_HEAD + SUM, total, true)
  view.setUint32(BLOCK_HEAD + SUM + TOTAL, sum.add(part, BLOCK_HEAD + SUM, BLOCK_HEAD + SUM + TOTAL), true)
  return part
}
