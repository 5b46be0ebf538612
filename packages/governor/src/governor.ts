/** The governor as a program sees it: it watches calls, and passes those of shards with a level on to `Calls`. */
import { setImmediate } from 'node:timers'
import { threadId } from 'node:worker_threads'
import { AttachError, DisposedError, OptionError, onThreadDeath } from 'threadmap'
import { checkReadOptions, checkWriteOptions, type ReadOptions, type WriteOptions } from './call-options.js'
import { Calls, type Operation } from './calls.js'
import { sharedNow } from './clock.js'
import { Copies, type CopiesHandle } from './copies.js'
import { Events, type GovernorEvents } from './events.js'
import { latencyOf, snapshotOf } from './figures.js'
import { hashOf, shardOfHash } from './keys/hash.js'
import { Sampler } from './keys/sampler.js'
import { Leader } from './leader.js'
import { MapWatch, type Watchable } from './map-watch.js'
import { checkFunction, checkGroup, checkOptions, type GovernorOptions, type Settings } from './options.js'
import { hotHashes, pin } from './policy/by-hand.js'
import { Room } from './shared/room.js'
import type { GovernorSnapshot, LatencyHistogram, Level } from './snapshot.js'

/** The way to a governor for another thread: send it, and pass it to `Governor.attach` there. Structured-cloneable. */
export interface GovernorHandle {
  readonly kind: 'Governor'
  readonly memory: SharedArrayBuffer
  readonly settings: Settings
  readonly copies: CopiesHandle
}

/** The options that `attach` takes beside the handle: functions, which no handle can have. Give those that the governor was made with. */
export type GovernorAttachOptions = Pick<GovernorOptions, 'shardOf' | 'isFailure'>

/** A thread's turns: keys are published, events told, and the lease renewed. At least twice per look, and well within the lease. */
const LONGEST_TURN_MS = 1000
const NO_OPTIONS = {}

/** After what waits for the event loop by now. */
const soon = (part: () => void) => void setImmediate(part)

/**
 * Watches the operations of a keyed service over all threads of a process; finds shards and keys that are hot; limits, isolates or degrades
 * them, while everyone else is served. All state is in shared memory: a thread may die at any time, and costs the others nothing.
 *
 * Thread-safety: each thread attaches and has a governor object of its own. Cost: an operation of a shard that is not hot costs two clocks and
 * some atomic adds (see docs/governor.md).
 */
export class Governor {
  readonly #room: Room
  readonly #copies: Copies
  readonly #calls: Calls
  readonly #leader: Leader
  readonly #sampler: Sampler
  readonly #events: Events
  readonly #maps: MapWatch
  readonly #shardOf: ((key: string) => number) | undefined
  readonly #isFailure: ((error: unknown) => boolean) | undefined
  readonly #keepsAlways: boolean
  readonly #timer: NodeJS.Timeout
  readonly #unlisten: () => void
  #disposed = false

  /**
   * A new governor. `OptionError` for settings that are unknown, out of range, or out of order, with the reason; `UnsupportedError` where threads
   * cannot share memory. Memory: about 45 KB a shard, and what the copies take.
   */
  constructor(options: GovernorOptions)
  /** @internal */
  constructor(room: Room, options: GovernorAttachOptions, copies: CopiesHandle)
  constructor(from: GovernorOptions | Room, options?: GovernorAttachOptions, copies?: CopiesHandle) {
    const room = from instanceof Room ? from : Room.create(checkOptions(from), threadId + 1)
    const { settings, memory } = room
    const { shardOf, isFailure } = options ?? (from as GovernorOptions)
    this.#room = room
    this.#shardOf = shardOf
    this.#isFailure = isFailure
    this.#keepsAlways = settings.copies.keep === 'always'
    this.#copies = copies === undefined ? Copies.create(settings.copies, memory) : Copies.attach(copies, memory)
    const watched = <T>(shard: number, key: string, operation: Operation<T>) => this.#watched(shard, key, operation)
    this.#calls = new Calls(room, this.#copies, watched, isFailure ?? (() => true))
    this.#leader = new Leader(room)
    this.#sampler = new Sampler(settings.keys.halfLife, settings.keys.sample, sharedNow())
    this.#events = new Events(room)
    this.#maps = new MapWatch(room)
    this.#unlisten = onThreadDeath(({ threadId: dead }) => room.bury(dead + 1))
    this.#timer = setInterval(() => this.#turn(), Math.min(LONGEST_TURN_MS, settings.windows.look / 5))
    this.#timer.unref()
    this.#turn()
  }

  /** The governor of a handle that another thread sent. `AttachError` if the handle is none, `ThreadLimitError` beyond 256 places. */
  static attach(handle: GovernorHandle, options: GovernorAttachOptions = {}): Governor {
    if (typeof handle !== 'object' || handle === null || handle.kind !== 'Governor') {
      throw new AttachError('Governor.attach() takes the handle of a Governor')
    }
    checkGroup('Governor.attach()', options, ['shardOf', 'isFailure'])
    checkFunction('shardOf', options.shardOf)
    checkFunction('isFailure', options.isFailure)
    return new Governor(Room.attach(handle.memory, handle.settings, threadId + 1), options, handle.copies)
  }

  /** Send the handle to another thread, which calls `Governor.attach` with it. */
  get handle(): GovernorHandle {
    const { memory, settings } = this.#open()
    return { kind: 'Governor', memory: memory.buffer, settings, copies: this.#copies.cache.handle }
  }

  /**
   * Calls `operation(key)` and returns its result, unless the shard of the key has a level; see the package's README for what happens then. Rejects
   * with what `operation` throws, with `ShardLimitedError` (levels 1 and 2) or `ShardDegradedError` (level 3) where it was not called.
   */
  read<T>(key: string, operation: Operation<T>, options: ReadOptions<T> = NO_OPTIONS): Promise<T> {
    try {
      const shard = this.#shard(key)
      this.#sampler.see(key, shard)
      if (this.#room.controls.word(shard) === 0 && (!this.#keepsAlways || options.value === undefined)) {
        if (options.status !== undefined) Object.assign(options.status, { from: 'call', shard, level: 0 })
        return this.#watched(shard, key, operation)
      }
      checkReadOptions(options)
      return this.#calls.read(shard, key, operation, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Calls `operation(key)` and returns its result, as `read` does. A write is never joined with another, and its result never comes from memory:
   * it runs once, or the call rejects and it did not run. Copies of the key's value are no longer used.
   */
  write<T>(key: string, operation: Operation<T>, options: WriteOptions<T> = NO_OPTIONS): Promise<T> {
    try {
      const shard = this.#shard(key)
      this.#sampler.see(key, shard)
      if (this.#room.controls.word(shard) === 0) {
        if (options.status !== undefined) Object.assign(options.status, { from: 'call', shard, level: 0 })
        return this.#watchedWrite(shard, key, operation)
      }
      checkWriteOptions(options)
      const { reroute } = options
      const writing: Operation<T> = name => this.#written(name, operation)
      const rerouting = reroute && { ...options, reroute: (name: string) => this.#written(name, reroute) }
      return this.#calls.write(shard, key, writing, rerouting ?? options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** What the governor knows now. O(shards): 2 ms for 64. */
  snapshot(): GovernorSnapshot {
    return snapshotOf(this.#open(), this.#maps.snapshot())
  }

  /**
   * The latencies of a shard since the governor was made, or without a shard those of all together, for a monitoring system. `OptionError`
   * for a shard that does not exist.
   */
  latency(shard?: number): LatencyHistogram {
    return latencyOf(this.#open(), shard)
  }

  /**
   * Calls `listener` in this thread for what happens in all threads, within a second. Returns a function that removes the listener. `OptionError`
   * for an event that does not exist.
   */
  on<E extends keyof GovernorEvents>(event: E, listener: (event: GovernorEvents[E]) => void): () => void {
    this.#open()
    return this.#events.on(event, listener)
  }

  /** Sets the level of a shard by hand, for all threads at once, until `unpin`. `OptionError` for a shard or level that does not exist. */
  pin(shard: number, level: Level | undefined): void {
    pin(this.#open(), shard, level)
  }

  /** Gives a shard back to the policy, which goes on from the level that was set by hand. */
  unpin(shard: number): void {
    pin(this.#open(), shard, undefined)
  }

  /**
   * Watches a map of threadmap: the snapshot has the counters of its shards, and the keys that are read most. All threads that have the map open and
   * a governor attached sample their reads, from their next turn on; `name` is what snapshots call the map. `OptionError` for another object,
   * `ThreadLimitError` for a fifth map. Cost: 1% of a `get`, by sampling.
   */
  watch(map: Watchable, name?: string): void {
    this.#open()
    this.#maps.add(map, name)
  }

  /** Ends `watch`, in all threads. Returns whether the map was watched. */
  unwatch(map: Watchable): boolean {
    this.#open()
    return this.#maps.remove(map)
  }

  /** Whether the governor limits anything, in all threads. While it is false, it only watches. Default true. */
  get enabled(): boolean {
    return this.#open().enabled
  }

  set enabled(enabled: boolean) {
    if (typeof enabled !== 'boolean') throw new OptionError(`enabled is true or false, and not ${String(enabled)}`)
    this.#open().enabled = enabled
  }

  /** Gives up this thread's place. Calls that are under way end as they would have; later ones reject with `DisposedError`. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    clearInterval(this.#timer)
    this.#unlisten()
    this.#maps.end()
    this.#leader.stop()
    this.#room.leave()
    this.#copies.dispose()
  }

  /** As `dispose()`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  #turn(): void {
    const now = sharedNow()
    this.#sampler.turn(now, this.#room.published, this.#room.slot)
    this.#maps.turn(now)
    this.#leader.turn(now, soon)
    this.#calls.hotKeys = hotHashes(this.#room)
    this.#events.turn()
  }

  #shard(key: string): number {
    if (this.#disposed) this.#open()
    if (typeof key !== 'string') throw new OptionError(`a key of a governor is a string, and not ${String(key)}`)
    const { shards } = this.#room.settings
    if (this.#shardOf === undefined) return shardOfHash(hashOf(key), shards)
    const shard = this.#shardOf(key)
    if (Number.isInteger(shard) && shard >= 0 && shard < shards) return shard
    throw new OptionError(
      `shardOf('${key}') must return a whole number from 0 to ${shards - 1}, and returned ${String(shard)}`,
    )
  }

  async #watched<T>(shard: number, key: string, operation: Operation<T>): Promise<T> {
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

  /** As `#watched` and `#written` together, without the promise in between: 100 ns. */
  async #watchedWrite<T>(shard: number, key: string, operation: Operation<T>): Promise<T> {
    const room = this.#room
    const version = this.#copies.versionOf(key)
    room.inFlight[shard]++
    const began = performance.now()
    try {
      const value = await operation(key)
      room.ended(shard, performance.now() - began)
      return value
    } catch (error) {
      room.failed(shard, performance.now() - began, this.#isFailure === undefined || this.#isFailure(error))
      throw error
    } finally {
      this.#copies.changed(version)
    }
  }

  /**
   * The end of a write, successful or not, is what makes older copies invalid: a read that begins after it sees the write. While the write runs a read may
   * have either value, so its begin changes nothing, and a key that is read and written often keeps its copies twice as long.
   */
  async #written<T>(key: string, operation: Operation<T>): Promise<T> {
    const version = this.#copies.versionOf(key)
    try {
      return await operation(key)
    } finally {
      this.#copies.changed(version)
    }
  }

  #open(): Room {
    if (this.#disposed) throw new DisposedError('this Governor was disposed in this thread')
    return this.#room
  }
}
