/** The frames of gRPC's messages, as they stand in the data of an HTTP/2 stream. */

/** A byte that says whether the message is compressed, and four bytes for its length. */
const HEADER_BYTES = 5

/** What an HTTP/2 stream of gRPC has as its content type. */
export const GRPC_CONTENT_TYPE = 'application/grpc'

/** A message as gRPC sends it, not compressed. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, HEADER_BYTES)
  return frame
}

/** The messages in the data of a stream that has ended; undefined if the data ends within a message, or one is compressed. */
export function grpcMessages(data: Buffer): Buffer[] | undefined {
  const messages: Buffer[] = []
  let at = 0
  while (at < data.length) {
    if (data.length - at < HEADER_BYTES || data[at] !== 0) return undefined
    const from = at + HEADER_BYTES
    at = from + data.readUInt32BE(at + 1)
    if (at > data.length) return undefined
    messages.push(data.subarray(from, at))
  }
  return messages
}
