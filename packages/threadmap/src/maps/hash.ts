import { HASH_NAMES, HASHES, type HashName } from '../bridge/header.js'
import { META_LENGTH, WHOLE_KEY } from '../bridge/layout.generated.js'
import { KEY } from '../bridge/scratch.js'
import { Session } from '../bridge/session.js'
import { isBytes, lengthOfBytes, plainView } from '../codec/bytes.js'
import { writeText } from '../codec/text.js'
import { CodecError, MapFullError, OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'

/** The most bytes of the memory in which keys are hashed; it grows with the longest key. */
const MAX_BYTES = 2 ** 31

let session: Session | undefined
/** Bytes that the key area holds now. */
let room = WHOLE_KEY

/**
 * The hash of a key by one of the kernel's hash functions, as published: 32 bits for `fnv1a` and `xxhash32`, 64 for
 * `xxhash64` and `default`. A string is hashed in the form in which a map with `string` keys stores it: one byte a character
 * if all are below U+0100, else UTF-16. Maps mix the published hashes once more before they use their bits, and use
 * `default` as it is: the shard is chosen by its highest bits, the bucket by the highest of its low 32. O(length); with
 * `default` a change of the seed takes some microseconds. `KeyTooLargeError` for a string of more than
 * `MAX_KEY_BYTES`, `CodecError` for what is neither string nor Uint8Array.
 */
export function hash(name: HashName, key: Uint8Array | string, seed = 0n): bigint {
  if (!HASH_NAMES.includes(name)) {
    throw new OptionError(`hash() knows ${HASH_NAMES.join(', ')}, and got ${String(name)}`)
  }
  if (typeof key !== 'string' && !isBytes(key)) {
    throw new CodecError(`hash() takes a string or a Uint8Array, and got ${quote(key)}`)
  }
  session ??= Session.create(MAX_BYTES, new Map(), '[]')
  // First of all: a seed that is no bigint could be converted by code of the program, which might hash something.
  const seedLow = Number(seed & 0xffffffffn)
  const seedHigh = Number((seed >> 32n) & 0xffffffffn)
  const meta = write(session, key)
  const low = session.kernel.hashBytes(HASHES[name], meta, seedLow, seedHigh) >>> 0
  return (BigInt(session.scratch.u32[session.scratch.at[KEY] >>> 2]) << 32n) | BigInt(low)
}

/** Writes a key as the codecs `string` and `bytes` do, all of it into the key area, and returns its meta word. */
function write({ scratch, kernel }: Session, key: Uint8Array | string): number {
  const meta = typeof key === 'string' ? writeText(scratch, KEY, key) : lengthOfBytes(key)
  const length = meta & META_LENGTH
  if (length > room) {
    room = Math.max(length, room * 2)
    if (kernel.takeKeyArea(room + 8) === 0) throw new MapFullError(`no memory to hash a key of ${length} bytes`)
    scratch.locate()
  }
  if (typeof key !== 'string') scratch.u8.set(plainView(key, length), scratch.at[KEY])
  else if (length > WHOLE_KEY) scratch.u8.set(scratch.reserve(KEY, length).u8.subarray(0, length), scratch.at[KEY])
  return meta
}
