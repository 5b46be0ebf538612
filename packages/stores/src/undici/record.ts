/**
 * What the cache holds for a URL and method: a response, or the index of its variants. A record is the length of its head in four bytes, the head as JSON, and
 * the body of the response.
 */
import type { CacheResult, CacheValue } from './types.js'

/**
 * The head of a URL whose responses vary: the lists of header names that responses have named in `Vary`, the latest first. The keys of the variants contain `epoch`, a
 * random number. Without this head they cannot be found, so removing it removes them all in one step.
 */
export interface VariantIndex {
  epoch: string
  varies: string[][]
}

export function writeResponse(value: CacheValue, body: readonly Uint8Array[]): Uint8Array {
  const { statusCode, statusMessage, headers, vary, etag, cacheControlDirectives, cachedAt, staleAt, deleteAt } = value
  const head = { statusCode, statusMessage, headers, vary, etag, cacheControlDirectives, cachedAt, staleAt, deleteAt }
  return write(head, body)
}

export function writeIndex(index: VariantIndex): Uint8Array {
  return write(index, [])
}

function write(head: object, body: readonly Uint8Array[]): Uint8Array {
  const text = JSON.stringify(head)
  const length = Buffer.byteLength(text)
  const record = Buffer.allocUnsafe(4 + length + body.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  record.writeUInt32LE(length)
  record.write(text, 4)
  let at = 4 + length
  for (const chunk of body) {
    record.set(chunk, at)
    at += chunk.byteLength
  }
  return record
}

export function read(record: Uint8Array): VariantIndex | CacheResult {
  const buffer = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
  const end = 4 + buffer.readUInt32LE()
  const head = JSON.parse(buffer.toString('utf8', 4, end))
  if ('epoch' in head) return head
  head.body = end === buffer.length ? [] : [buffer.subarray(end)]
  return head
}
