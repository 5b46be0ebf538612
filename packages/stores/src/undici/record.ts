/**
 * What the cache holds for a URL and method: a response, or the index of its variants. A record is the length of its head in four bytes, the head as JSON, and
 * the body of the response.
 */
import type { Codec } from 'threadmap'
import type { CacheResult, CacheValue } from './types.js'

/**
 * The head of a URL whose responses vary: the lists of header names that responses have named in `Vary`, the latest first. The keys of the variants contain `epoch`, a
 * random number. Without this head they cannot be found, so removing it removes them all in one step.
 */
export interface VariantIndex {
  epoch: string
  varies: string[][]
}

/** How responses and indexes become bytes. A thread that has a read cache gets one response again and again, as from undici's own memory store. */
export const records: Codec<VariantIndex | CacheResult> = {
  name: 'undici response',
  encode(record) {
    if ('epoch' in record) return write(record, [])
    const { body, ...head } = record
    return write(head, body)
  },
  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const end = 4 + buffer.readUInt32LE()
    const head = JSON.parse(buffer.toString('utf8', 4, end))
    if ('epoch' in head) return head
    head.body = end === buffer.length ? [] : [buffer.subarray(end)]
    return head
  },
  clone: record => ('epoch' in record ? record : { ...record, headers: { ...record.headers }, body: [...record.body] }),
}

/** What the interceptor passes and more: only what `CacheValue` has is stored. */
export function responseOf(value: CacheValue, body: Buffer[]): CacheResult {
  const { statusCode, statusMessage, headers, vary, etag, cacheControlDirectives, cachedAt, staleAt, deleteAt } = value
  return {
    statusCode,
    statusMessage,
    headers,
    ...(vary === undefined ? {} : { vary }),
    ...(etag === undefined ? {} : { etag }),
    cacheControlDirectives,
    cachedAt,
    staleAt,
    deleteAt,
    body,
  }
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
