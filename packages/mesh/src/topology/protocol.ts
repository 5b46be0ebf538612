/**
 * How the server of a topology behaves. `slow`: it answers late. `trickle`: it sends its answers in pieces. `closing`: it closes the connection in
 * place of every fifth answer. In the middle of an answer, `half-closed` ends its half of the connection, and `reset` resets it.
 */
export type Mode = 'normal' | 'slow' | 'trickle' | 'closing' | 'half-closed' | 'reset'

/** Few enough that a request which is sent again twice hardly ever meets three of them. */
export const CLOSING_EVERY = 5
/** Milliseconds until a slow server answers. */
export const SLOW_MS = 500
/** Milliseconds that an answer in pieces takes, and their number. */
export const TRICKLE_MS = 400
export const TRICKLE_PIECES = 8

/** The header that names the version that answered: `stable` or `canary`. */
export const VERSION_HEADER = 'x-version'

export const BODY_BYTES = 1024

/** The unary call of the measurements: a service of ours, of one method. */
export const GRPC_SERVICE = 'threadmap.mesh.Pages'
export const GRPC_METHOD = `/${GRPC_SERVICE}/Get`

/** `message Page { bytes body = 1; }` with this body, as protocol buffers write it. */
export function pageMessage(body: Uint8Array): Buffer {
  const FIELD_1_BYTES = 0x0a
  const length: number[] = []
  let left = body.length
  for (; left > 0x7f; left >>>= 7) length.push((left & 0x7f) | 0x80)
  length.push(left)
  return Buffer.concat([Buffer.from([FIELD_1_BYTES, ...length]), body])
}
