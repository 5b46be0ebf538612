/** Reads the format that format.ts writes, and trusts nothing that a sum has not confirmed. */
import * as L from '../bridge/layout.generated.js'
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../codec/limits.js'
import { quote } from '../errors/quote.js'
import { Checksum } from './checksum.js'
import {
  BLOCK_HEAD,
  type Description,
  DUMP_VERSION,
  LONGEST_DESCRIPTION,
  MAGIC,
  METAS,
  type RawRecord,
  recordHead,
  START,
  SUM,
  TOTAL,
} from './format.js'
import type { ByteSource } from './source.js'

/** A record's metas and time, and the longest key and value. */
const LONGEST_BLOCK = 16 + MAX_KEY_BYTES + MAX_VALUE_BYTES

/**
 * The records of a dump, block by block; each block is verified before it is given out. Records are good until the next block.
 * `check` sees the description first and can throw. `DumpError` for a dump that is foreign, of another version, truncated or damaged.
 */
export async function* decodeDump(
  source: ByteSource,
  check: (description: Description) => void,
): AsyncGenerator<RawRecord[]> {
  const sum = new Checksum()
  const description = await readDescription(source, sum)
  check(description)
  const recordBytes = recordHead(description)
  let total = 0
  while (true) {
    const from = source.offset
    const head = await source.take(BLOCK_HEAD, 'the head of a block')
    const [length, count] = [uint32(head, 0), uint32(head, 4)]
    const expected = sum.add(head)
    await verify(source, expected, from, 'the head of a block')
    if (length === 0) break
    if (length > LONGEST_BLOCK) throw damaged(source, from, `names a block of ${length} bytes`)
    const payload = await source.take(length, 'a block')
    const wanted = sum.add(payload)
    await verify(source, wanted, from, 'a block')
    const records = recordsOf(source, payload, count, recordBytes, from)
    total += records.length
    yield records
  }
  const from = source.offset
  const end = await source.take(TOTAL, 'the end')
  const said = new DataView(end.buffer, end.byteOffset).getFloat64(0, true)
  const expected = sum.add(end)
  await verify(source, expected, from, 'the end')
  if (said !== total) throw damaged(source, from, `counts ${said} entries where ${total} are`)
  const after = source.offset
  if ((await source.takeUpTo(1)).length > 0) throw damaged(source, after, 'goes on after its end')
}

async function readDescription(source: ByteSource, sum: Checksum): Promise<Description> {
  const magic = await source.takeUpTo(MAGIC.length)
  if (magic.some((byte, i) => byte !== MAGIC[i])) {
    const text = String.fromCharCode(...magic)
    throw source.fail(
      'foreign',
      0,
      `is no dump of a map: it begins with ${quote(text)}. Give the file that dump() wrote`,
    )
  }
  sum.add(magic)
  // A shorter file agrees as far as it goes.
  if (magic.length < MAGIC.length) await source.take(1, 'its head')
  const numbers = await source.take(START - MAGIC.length, 'its head')
  const [version, length] = [uint32(numbers, 0), uint32(numbers, 4)]
  if (version !== DUMP_VERSION) {
    throw source.fail(
      'version',
      MAGIC.length,
      `has version ${version} of the format, and this release reads version ${DUMP_VERSION}. Load it with the release of threadmap that wrote it, or begin with an empty map`,
    )
  }
  if (length > LONGEST_DESCRIPTION) throw damaged(source, MAGIC.length, `names a head of ${length} bytes`)
  sum.add(numbers)
  const text = await source.take(length, 'its head')
  const parsed = text.slice()
  await verify(source, sum.add(parsed), 0, 'the head')
  return parseDescription(source, textOf(parsed))
}

/** A dump's description is ASCII. The first ones could have other characters in the names of codecs. */
function textOf(bytes: Uint8Array): string {
  return bytes.every(byte => byte < 0x80) ? String.fromCharCode(...bytes) : new TextDecoder().decode(bytes)
}

function parseDescription(source: ByteSource, text: string): Description {
  let value: Partial<Record<keyof Description, unknown>> | null
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  const isTime = value?.written === undefined || typeof value.written === 'number'
  if (typeof value?.kind === 'string' && typeof value.key === 'string' && typeof value.value === 'string' && isTime) {
    return value as Description
  }
  throw damaged(source, START, `describes itself by ${quote(text)}`)
}

/** Takes the sum that the dump has at this place, and compares. */
async function verify(source: ByteSource, expected: number, from: number, part: string): Promise<void> {
  const stored = uint32(await source.take(SUM, `the checksum of ${part}`), 0)
  if (stored === expected) return
  throw damaged(source, from, `has another checksum than its bytes, in ${part} at byte ${from}`)
}

function recordsOf(source: ByteSource, payload: Uint8Array, count: number, head: number, from: number): RawRecord[] {
  const records: RawRecord[] = []
  let at = 0
  while (at < payload.length) {
    const isWhole = at + head <= payload.length
    const keyMeta = isWhole ? uint32(payload, at) : 0
    const valueMeta = isWhole ? uint32(payload, at + 4) : 0
    const keyLength = keyMeta & L.META_LENGTH
    const valueLength = valueMeta & L.META_LENGTH
    const key = at + head
    const end = key + keyLength + valueLength
    // A mark belongs to the kernel, and no codec sets it.
    const isSound =
      isWhole &&
      ((keyMeta | valueMeta) & L.META_MARK) === 0 &&
      keyLength <= MAX_KEY_BYTES &&
      valueLength <= MAX_VALUE_BYTES &&
      end <= payload.length
    if (!isSound) throw damaged(source, from, `has an entry of impossible lengths in the block at byte ${from}`)
    records.push({
      keyMeta,
      valueMeta,
      key: payload.subarray(key, key + keyLength),
      value: payload.subarray(key + keyLength, end),
      until: head > METAS ? float64(payload, at + METAS) : Number.POSITIVE_INFINITY,
    })
    at = end
  }
  if (records.length === count) return records
  throw damaged(source, from, `counts ${count} entries in the block at byte ${from}, where ${records.length} are`)
}

function damaged(source: ByteSource, offset: number, message: string): Error {
  return source.fail('damaged', offset, `is damaged: it ${message}. Load another copy, or begin with an empty map`)
}

function float64(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(at, true)
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true)
}
