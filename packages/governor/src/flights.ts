/**
 * Joins identical reads that are under way at once: one of them calls, and the others get its result. With a codec among all threads, without one
 * among those of this thread, which then share the value itself. A read never joins a call that began before a write of its key ended.
 */
import type { ValueCodec } from 'threadmap'
import { sharedNow } from './clock.js'
import { type Copies, pack, unpack } from './copies.js'

export class Flights {
  readonly #copies: Copies
  /** Reads of this thread, by the name of the key's version. */
  readonly #own = new Map<string, Promise<unknown>>()

  constructor(copies: Copies) {
    this.#copies = copies
  }

  /**
   * `call`: runs if no identical read is under way. `joined`: is called if another one's result is the answer. `refusal`: the error for a caller
   * who waited for a call that was refused.
   */
  async join<T>(
    key: string,
    codec: ValueCodec<T> | undefined,
    call: () => Promise<T>,
    joined: () => void,
    refusal: () => Error,
  ): Promise<T> {
    const name = this.#copies.nameOf(key)
    const under = this.#own.get(name)
    if (under !== undefined && codec === undefined) {
      joined()
      return under as Promise<T>
    }
    if (codec === undefined) return this.#begin(name, call)
    return this.#joinAll(name, codec, call, joined, refusal)
  }

  #begin<T>(name: string, call: () => Promise<T>): Promise<T> {
    const flight = call().finally(() => this.#own.delete(name))
    this.#own.set(name, flight)
    return flight
  }

  async #joinAll<T>(
    name: string,
    codec: ValueCodec<T>,
    call: () => Promise<T>,
    joined: () => void,
    refusal: () => Error,
  ): Promise<T> {
    let own: { value: T } | undefined
    let called = false
    const load = async () => {
      called = true
      const began = sharedNow()
      own = { value: await call() }
      return pack(own.value, codec, began)
    }
    let packed: Uint8Array | undefined
    try {
      packed = await this.#copies.cache.fetch(name, load, { forceRefresh: true })
    } catch (error) {
      // Each caller gets a refusal of its own. That of another thread came as a copy, which has its code but not its class.
      if (!called && isRefusal(error)) throw refusal()
      throw error
    }
    if (own !== undefined) return (own as { value: T }).value
    // The codec refused the value that the other one got, so it could not be handed on.
    if (packed === undefined) return call()
    joined()
    return unpack(packed, codec, sharedNow()).value
  }
}

function isRefusal(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'ERR_THREADMAP_SHARD_LIMITED'
}
