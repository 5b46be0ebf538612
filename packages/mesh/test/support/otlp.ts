/** Exports of spans as OTLP encodes them, built by hand: what the tests read must not be written by what they test. */

function varint(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80)
  bytes.push(left)
  return bytes
}

/** A field that has a length. */
export function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(content.length)]), content])
}

/** A span with the fields that proxies send: ids, a name, its kind (a number), and its times (of fixed length). */
export function span(traceId: string, name = 'GET /'): Buffer {
  return Buffer.concat([
    field(1, Buffer.from(traceId, 'hex')),
    field(2, Buffer.alloc(8, 7)),
    field(5, Buffer.from(name)),
    Buffer.from([6 * 8, 2]),
    Buffer.from([7 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8]),
    // `flags` is a fixed 32-bit number.
    Buffer.from([...varint(16 * 8 + 5), 1, 0, 0, 0]),
  ])
}

/** An export of one resource, whose spans are those of one scope. */
export function exported(...spans: readonly Buffer[]): Buffer {
  const scope = Buffer.concat([field(1, field(1, Buffer.from('a tracer'))), ...spans.map(each => field(2, each))])
  return field(1, Buffer.concat([field(1, field(1, Buffer.from('service.name'))), field(2, scope)]))
}

export const TRACES = ['000102030405060708090a0b0c0d0e0f', 'f00102030405060708090a0b0c0d0e0f'] as const
