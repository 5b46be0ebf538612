/**
 * Reads an export of spans as OTLP encodes it in protocol buffers (opentelemetry/proto/collector/trace/v1), as far as spans have to be counted: the
 * request has resources (field 1), those have scopes (2), those have spans (2), and a span begins with the id of its trace (1).
 */

const RESOURCE_SPANS = 1
const SCOPE_SPANS = 2
const SPANS = 2
const TRACE_ID = 1

export interface Span {
  /** The id of its trace, in hexadecimal. */
  readonly trace: string
  /** Whether the path that was looked for is somewhere in it: its name and its attributes differ from proxy to proxy. */
  readonly namesPath: boolean
}

/** All spans of an export. Throws a `RangeError` if the bytes are no such message. */
export function spansOf(request: Buffer, path: string): Span[] {
  return within(request, RESOURCE_SPANS)
    .flatMap(resource => within(resource, SCOPE_SPANS))
    .flatMap(scope => within(scope, SPANS))
    .map(span => ({ trace: within(span, TRACE_ID)[0]?.toString('hex') ?? '', namesPath: span.includes(path) }))
}

/** The values of a field that has a length: messages, bytes, texts. */
function within(message: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = []
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = message.readUInt8(at++)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a number of more than 64 bits')
  }
  while (at < message.length) {
    const tag = varint()
    const wireType = tag % 8
    if (wireType === 0) varint()
    else if (wireType === 1) at += 8
    else if (wireType === 5) at += 4
    else if (wireType === 2) {
      const length = varint()
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, at + length))
      at += length
    } else throw new RangeError(`the wire type ${wireType}`)
    if (at > message.length) throw new RangeError('a field beyond the end of its message')
  }
  return found
}
