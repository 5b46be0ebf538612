/**
 * What happens to a call whose shard is at a level, or looks hot. Only what `watched` runs counts as latency and errors of the shard; waiting,
 * refusals, reroutes and answers from memory have counters of their own. Writes are never joined, copied or answered from memory.
 */
import type { CallStatus, ReadOptions, WriteOptions } from './call-options.js'
import { sharedNow } from './clock.js'
import type { Copies } from './copies.js'
import { ShardDegradedError, ShardLimitedError } from './errors.js'
import { Flights } from './flights.js'
import { hashOf } from './keys/hash.js'
import { levelOf } from './shared/control.js'
import {
  C_COPIES,
  C_DEGRADED,
  C_JOINED,
  C_PROBE_ERRORS,
  C_PROBES,
  C_QUEUED,
  C_REFUSED,
  C_REROUTED,
} from './shared/layout.js'
import type { Room } from './shared/room.js'
import type { Level } from './snapshot.js'

export type Operation<T> = (key: string) => T | Promise<T>
/** Calls an operation and counts it as one of the shard. */
export type Watched = <T>(shard: number, key: string, operation: Operation<T>) => Promise<T>

/** How long a refused caller is told to wait at level 2: about the time after which permits come back. */
const RETRY_MS = 100
/** Permits that other threads give back are looked for this often. */
const LOOK_FOR_PERMITS_MS = 5
/** An isolated or degraded shard is tried by one operation at a time. */
const PROBES_AT_ONCE = 1

export class Calls {
  readonly #room: Room
  readonly #copies: Copies
  readonly #watched: Watched
  readonly #isFailure: (error: unknown) => boolean
  readonly #flights: Flights
  /** The hashes of the hot keys of isolated shards. */
  hotKeys: ReadonlySet<number> = new Set()

  constructor(room: Room, copies: Copies, watched: Watched, isFailure: (error: unknown) => boolean) {
    this.#isFailure = isFailure
    this.#room = room
    this.#copies = copies
    this.#watched = watched
    this.#flights = new Flights(copies)
  }

  /** A read of a shard whose control word is not 0. */
  read<T>(shard: number, key: string, operation: Operation<T>, options: ReadOptions<T>): Promise<T> {
    const level = this.#levelOf(shard, options.status)
    if (level === 0) return this.#kept(shard, key, operation, options)
    if (level === 1) return this.#limited(shard, options, () => this.#kept(shard, key, operation, options))
    if (level === 2) return this.#isolatedRead(shard, key, operation, options)
    return this.#degradedRead(shard, key, operation, options)
  }

  /** A write of a shard whose control word is not 0. */
  write<T>(shard: number, key: string, operation: Operation<T>, options: WriteOptions<T>): Promise<T> {
    const level = this.#levelOf(shard, options.status)
    const call = () => this.#call(shard, key, operation, options.status)
    if (level === 0) return call()
    if (level === 1) return this.#limited(shard, options, call)
    if (level === 2) return this.#isolated(shard, key, operation, options)
    return this.#degradedWrite(shard, key, operation, options)
  }

  #levelOf(shard: number, status: CallStatus | undefined): Level {
    const level = this.#room.enabled ? levelOf(this.#room.controls.word(shard)) : 0
    if (status !== undefined) Object.assign(status, { shard, level })
    return level
  }

  #call<T>(shard: number, key: string, operation: Operation<T>, status?: CallStatus): Promise<T> {
    if (status !== undefined) status.from = 'call'
    return this.#watched(shard, key, operation)
  }

  /** Calls, and keeps the value as the last good one. */
  async #kept<T>(shard: number, key: string, operation: Operation<T>, options: ReadOptions<T>): Promise<T> {
    const { value: codec, status } = options
    if (codec === undefined) return this.#call(shard, key, operation, status)
    const name = this.#copies.nameOf(key)
    const began = sharedNow()
    const value = await this.#call(shard, key, operation, status)
    this.#copies.set(name, value, codec, began)
    return value
  }

  // --- Level 1 ----------------------------------------------------------------------------------------------------------

  async #limited<T>(shard: number, options: WriteOptions<T>, call: () => Promise<T>): Promise<T> {
    const { admission, settings } = this.#room
    const delay = admission.take(shard, this.#room.limitOf(shard), options.wait ?? settings.wait, sharedNow())
    if (delay < 0) throw this.#refusal(shard, 1, -delay)
    if (delay > 0) {
      this.#count(shard, C_QUEUED)
      await new Promise(resolve => setTimeout(resolve, delay))
    }
    return call()
  }

  // --- Level 2 ----------------------------------------------------------------------------------------------------------

  #isolatedRead<T>(shard: number, key: string, operation: Operation<T>, options: ReadOptions<T>): Promise<T> {
    const { value: codec, maxAge = 0, status } = options
    if (codec !== undefined && maxAge > 0 && this.hotKeys.has(hashOf(key))) {
      const copy = this.#copies.get(this.#copies.nameOf(key), codec, sharedNow())
      if (copy !== undefined && copy.age <= maxAge) {
        this.#count(shard, C_COPIES)
        if (status !== undefined) Object.assign(status, { from: 'copy', age: copy.age })
        return Promise.resolve(copy.value)
      }
    }
    const call = () => this.#isolated(shard, key, operation, options)
    const joined = () => {
      this.#count(shard, C_JOINED)
      if (status !== undefined) status.from = 'joined'
    }
    return this.#flights.join(key, codec, call, joined, () => this.#refusal(shard, 2, RETRY_MS))
  }

  /** Calls with a permit, or reroutes. Where there is a reroute, the shard itself is tried by one operation at a time. */
  async #isolated<T>(shard: number, key: string, operation: Operation<T>, options: WriteOptions<T>): Promise<T> {
    const { reroute, status, wait = this.#room.settings.wait } = options
    const { permits, settings } = this.#room
    const limit = reroute === undefined ? settings.isolation.concurrency : PROBES_AT_ONCE
    const permit = await this.#permit(shard, limit, reroute === undefined ? wait : 0)
    if (permit < 0 && reroute !== undefined) return this.#rerouted(shard, key, reroute, status)
    if (permit < 0) throw this.#refusal(shard, 2, RETRY_MS)
    try {
      return await this.#call(shard, key, operation, status)
    } finally {
      permits.release(shard, permit)
    }
  }

  async #permit(shard: number, limit: number, wait: number): Promise<number> {
    const { permits } = this.#room
    const deadline = sharedNow() + wait
    let permit = permits.take(shard, limit)
    if (permit < 0 && wait > 0) this.#count(shard, C_QUEUED)
    while (permit < 0) {
      const left = deadline - sharedNow()
      if (left <= 0) return -1
      await permits.released(shard, Math.min(left, LOOK_FOR_PERMITS_MS))
      permit = permits.take(shard, limit)
    }
    return permit
  }

  #rerouted<T>(shard: number, key: string, reroute: Operation<T>, status: CallStatus | undefined): Promise<T> {
    this.#count(shard, C_REROUTED)
    if (status !== undefined) status.from = 'reroute'
    return (async () => reroute(key))()
  }

  // --- Level 3 ----------------------------------------------------------------------------------------------------------

  async #degradedRead<T>(shard: number, key: string, operation: Operation<T>, options: ReadOptions<T>): Promise<T> {
    const { reroute, status } = options
    let failure: unknown
    for (const attempt of [
      () => this.#probe(shard, () => this.#kept(shard, key, operation, options)),
      () => reroute && this.#rerouted(shard, key, reroute, status),
    ]) {
      try {
        const call = attempt()
        if (call !== undefined) return await call
      } catch (error) {
        failure = error
      }
    }
    const answer = this.#fromMemory(shard, key, options)
    if (answer !== undefined) return answer
    throw failure ?? this.#refusal(shard, 3, this.#probeInterval, 'read')
  }

  #fromMemory<T>(shard: number, key: string, options: ReadOptions<T>): Promise<T> | undefined {
    const { value: codec, fallback, status } = options
    const copy = codec && this.#copies.get(this.#copies.nameOf(key), codec, sharedNow())
    if (copy === undefined && fallback === undefined) return undefined
    this.#count(shard, C_DEGRADED)
    if (copy !== undefined) {
      if (status !== undefined) Object.assign(status, { from: 'last good', age: copy.age })
      return Promise.resolve(copy.value)
    }
    if (status !== undefined) status.from = 'fallback'
    return (async () => (fallback as Operation<T>)(key))()
  }

  async #degradedWrite<T>(shard: number, key: string, operation: Operation<T>, options: WriteOptions<T>): Promise<T> {
    const { reroute, status } = options
    const probe = this.#probe(shard, () => this.#call(shard, key, operation, status))
    if (probe !== undefined) return probe
    if (reroute !== undefined) return this.#rerouted(shard, key, reroute, status)
    throw this.#refusal(shard, 3, this.#probeInterval, 'write')
  }

  get #probeInterval(): number {
    const { windows, degrade } = this.#room.settings
    return windows.short / degrade.probes
  }

  /** Lets the call through to see whether the shard has recovered: one at a time, and a few in each window. Undefined: not now. */
  #probe<T>(shard: number, call: () => Promise<T>): Promise<T> | undefined {
    const { permits, admission } = this.#room
    const permit = permits.take(shard, PROBES_AT_ONCE)
    if (permit < 0) return undefined
    if (admission.take(shard, 1000 / this.#probeInterval, 0, sharedNow()) < 0) {
      permits.release(shard, permit)
      return undefined
    }
    this.#count(shard, C_PROBES)
    return call()
      .catch(error => {
        if (this.#isFailure(error)) this.#count(shard, C_PROBE_ERRORS)
        throw error
      })
      .finally(() => permits.release(shard, permit))
  }

  #refusal(shard: number, level: Level, retryAfter: number, kind: 'read' | 'write' = 'read'): Error {
    this.#count(shard, C_REFUSED)
    return level === 3
      ? new ShardDegradedError(shard, kind, retryAfter)
      : new ShardLimitedError(shard, level, retryAfter)
  }

  #count(shard: number, counter: number): void {
    this.#room.counts.add(shard, counter)
  }
}
