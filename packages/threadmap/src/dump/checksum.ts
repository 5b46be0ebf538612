/** CRC-32, as gzip and PNG have it. It finds every burst of up to 32 changed bits. */

/** The polynomial, bits reversed. */
const POLYNOMIAL = 0xedb88320

const TABLE = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) !== 0 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1
  TABLE[byte] = rest
}

/** The sum of bytes that come in parts. */
export class Checksum {
  #state = -1

  /** Adds the bytes from `from` to `to`; returns the sum of all bytes so far, an unsigned number of 32 bits. */
  add(bytes: Uint8Array, from = 0, to = bytes.length): number {
    let state = this.#state
    for (let at = from; at < to; at++) state = TABLE[(state ^ bytes[at]) & 0xff] ^ (state >>> 8)
    this.#state = state
    return ~state >>> 0
  }
}
