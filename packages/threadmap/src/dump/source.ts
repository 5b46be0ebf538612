/** Bytes that arrive in chunks, of which a reader takes as many as it needs. Nobody may change a chunk later. Errors name the place. */
import { DumpError } from '../errors/classes.js'

export class ByteSource {
  /** How errors name the dump. */
  readonly name: string
  /** How many bytes have been taken. */
  offset = 0
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  /** The chunk that is being taken from, and the next byte in it. */
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(name: string, chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>) {
    this.name = name
    this.#chunks = chunks
  }

  /** The next `length` bytes, which may be a view of a chunk. `DumpError` if fewer are left; `part` names them. */
  async take(length: number, part: string): Promise<Uint8Array> {
    const bytes = await this.takeUpTo(length)
    if (bytes.length === length) return bytes
    throw this.fail(
      'truncated',
      this.offset,
      `ends after ${this.offset} bytes, within ${part}. It was not written to its end, or was cut off later: load an older dump, or begin with an empty map`,
    )
  }

  /** The next `length` bytes, or as many as are left. */
  async takeUpTo(length: number): Promise<Uint8Array> {
    const whole = this.#taken(length)
    if (whole.length === length) return whole
    const parts = [whole]
    let missing = length - whole.length
    while (missing > 0 && (await this.#next())) {
      const part = this.#taken(missing)
      parts.push(part)
      missing -= part.length
    }
    const bytes = new Uint8Array(length - missing)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }

  /** Lets go of the chunks, whether all were taken or not. */
  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  /** An error about this dump. */
  fail(reason: DumpError['reason'], offset: number, message: string): DumpError {
    return new DumpError(`${this.name} ${message}`, reason, offset)
  }

  #taken(length: number): Uint8Array {
    const part = this.#chunk.subarray(this.#at, this.#at + length)
    this.#at += part.length
    this.offset += part.length
    return part
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#chunks.next()
    if (done === true) return false
    this.#chunk = value
    this.#at = 0
    return true
  }
}
