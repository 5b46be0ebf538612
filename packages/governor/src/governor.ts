/** The governor as a program sees it. */

import { threadId } from 'node:worker_threads'
import { AttachError, DisposedError, onThreadDeath } from 'threadmap'
import { sharedNow } from './clock.js'
import { latencyOf, snapshotOf } from './figures.js'
import { hashOf, shardOfHash } from './keys/hash.js'
import { Leader } from './leader.js'
import { checkFunction, checkGroup, checkOptions, type GovernorOptions, type Settings } from './options.js'
import { Room } from './shared/room.js'
import type { GovernorSnapshot, LatencyHistogram } from './snapshot.js'

/** The way to a governor for another thread: send it, and pass it to `Governor.attach` there. Structured-cloneable. */
export interface GovernorHandle {
  readonly kind: 'Governor'
  readonly memory: SharedArrayBuffer
  readonly settings: Settings
}

/** The options that `attach` takes beside the handle: functions, which no handle can have. */
export type GovernorAttachOptions = Pick<GovernorOptions, 'shardOf' | 'isFailure'>

/** Watches the operations on a keyed service over all threads of a process. */
export class Governor {
  readonly #room: Room
  readonly #leader: Leader
  readonly #shardOf: ((key: string) => number) | undefined
  readonly #isFailure: ((error: unknown) => boolean) | undefined
  readonly #timer: NodeJS.Timeout
  readonly #unlisten: () => void
  #disposed = false

  /** A new governor. `OptionError` says which setting is wrong and why. */
  constructor(options: GovernorOptions)
  /** @internal */
  constructor(room: Room, functions: GovernorAttachOptions)
  constructor(from: GovernorOptions | Room, functions?: GovernorAttachOptions) {
    const room = from instanceof Room ? from : Room.create(checkOptions(from), threadId + 1)
    const own = functions ?? (from as GovernorOptions)
    this.#room = room
    this.#shardOf = own.shardOf
    this.#isFailure = own.isFailure
    this.#leader = new Leader(room)
    this.#unlisten = onThreadDeath(({ threadId: dead }) => room.bury(dead + 1))
    this.#timer = setInterval(() => this.#turn(), Math.min(1000, room.settings.windows.look / 5))
    this.#timer.unref()
    this.#turn()
  }

  /** The governor of a handle that another thread sent. `AttachError` if the handle is none. */
  static attach(handle: GovernorHandle, options: GovernorAttachOptions = {}): Governor {
    if (typeof handle !== 'object' || handle === null || handle.kind !== 'Governor') {
      throw new AttachError('Governor.attach() takes the handle of a Governor')
    }
    checkGroup('Governor.attach()', options, ['shardOf', 'isFailure'])
    checkFunction('shardOf', options.shardOf)
    checkFunction('isFailure', options.isFailure)
    return new Governor(Room.attach(handle.memory, handle.settings, threadId + 1), options)
  }

  /** Send the handle to another thread, which calls `Governor.attach` with it. */
  get handle(): GovernorHandle {
    const { memory, settings } = this.#open()
    return { kind: 'Governor', memory: memory.buffer, settings }
  }

  /** Calls `operation` and watches it. */
  read<T>(key: string, operation: (key: string) => T | Promise<T>): Promise<T> {
    return this.#watched(this.#shard(key), key, operation)
  }

  /** Calls `operation` and watches it. */
  write<T>(key: string, operation: (key: string) => T | Promise<T>): Promise<T> {
    return this.#watched(this.#shard(key), key, operation)
  }

  /** What the governor knows now. O(shards). */
  snapshot(): GovernorSnapshot {
    return snapshotOf(this.#open())
  }

  /** The latencies of a shard since the governor was made. */
  latency(shard: number): LatencyHistogram {
    return latencyOf(this.#open(), shard)
  }

  /** Gives up this thread's place. The other threads go on. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    clearInterval(this.#timer)
    this.#unlisten()
    this.#room.leave()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #turn(): void {
    this.#leader.turn(sharedNow())
  }

  #shard(key: string): number {
    const shards = this.#room.settings.shards
    return this.#shardOf === undefined ? shardOfHash(hashOf(key), shards) : this.#shardOf(key)
  }

  async #watched<T>(shard: number, key: string, operation: (key: string) => T | Promise<T>): Promise<T> {
    const room = this.#room
    room.inFlight[shard]++
    const began = performance.now()
    try {
      const value = await operation(key)
      room.ended(shard, performance.now() - began)
      return value
    } catch (error) {
      room.failed(shard, performance.now() - began, this.#isFailure === undefined || this.#isFailure(error))
      throw error
    }
  }

  #open(): Room {
    if (this.#disposed) throw new DisposedError('this Governor was disposed in this thread')
    return this.#room
  }
}
