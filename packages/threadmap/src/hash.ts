import { CodecError, OptionError } from './errors.js'
import { KEY } from './kernel/scratch.js'
import { Session } from './kernel/session.js'
import { HASHES } from './maps/options.js'
import type { HashName } from './types.js'

/** Space for one key to be hashed; it grows with the longest. */
const MAX_BYTES = 2 ** 31

let session: Session | undefined

/**
 * The hash of `bytes` by one of the kernel's hash functions, as published: 32 bits for `fnv1a` and `xxhash32`, 64 for
 * `xxhash64` and `default`. Maps mix it once more before they use its bits. O(length).
 */
export function hash(name: HashName, bytes: Uint8Array, seed = 0n): bigint {
  const kind = HASHES.indexOf(name)
  if (kind < 0) throw new OptionError(`hash() knows ${HASHES.join(', ')}, and got ${String(name)}`)
  if (!(bytes instanceof Uint8Array)) throw new CodecError(`hash() takes a Uint8Array, and got ${typeof bytes}`)
  session ??= Session.create(MAX_BYTES, new Map(), '[]')
  const { kernel, scratch } = session
  const window = scratch.reserve(KEY, bytes.length)
  const at = window.at[KEY]
  window.u8.set(bytes, at)
  const low =
    kernel.hashBytes(kind, bytes.length, Number(seed & 0xffffffffn), Number((seed >> 32n) & 0xffffffffn)) >>> 0
  return (BigInt(scratch.u32[at >>> 2]) << 32n) | BigInt(low)
}
