/** Everything in the shared memory, and this thread's place there. */
import { sharedNow } from '../clock.js'
import { Published } from '../keys/published.js'
import type { Settings } from '../options.js'
import { Admission } from './admission.js'
import { Controls } from './control.js'
import { Counts } from './counts.js'
import { bucketOf } from './latency.js'
import {
  C_ERRORS,
  C_EXCUSED,
  COUNTERS,
  H_DISABLED,
  H_STARTED,
  H_STARTED_DATE,
  type Layout,
  layoutOf,
  SharedMemory,
} from './layout.js'
import { Lease } from './lease.js'
import { Memories } from './memories.js'
import { Permits } from './permits.js'
import { Threads } from './threads.js'
import { Transitions } from './transitions.js'
import { WatchedMaps } from './watched-maps.js'

export class Room {
  readonly memory: SharedMemory
  readonly settings: Settings
  readonly layout: Layout
  readonly counts: Counts
  readonly controls: Controls
  readonly threads: Threads
  readonly lease: Lease
  readonly permits: Permits
  readonly admission: Admission
  readonly transitions: Transitions
  readonly memories: Memories
  readonly published: Published
  readonly maps: WatchedMaps
  /** The shared clock's time at which the governor was made, and `Date.now()` at that time. */
  readonly started: number
  readonly startedDate: number
  /** This thread's number plus one, and its place. */
  readonly thread: number
  readonly slot: number
  /** This thread's operations under way, by shard. After `leave` an array of nobody. */
  inFlight: Int32Array

  private constructor(memory: SharedMemory, settings: Settings, thread: number) {
    this.memory = memory
    this.settings = settings
    this.layout = memory.layout
    this.started = memory.floats[H_STARTED / 2]
    this.startedDate = memory.floats[H_STARTED_DATE / 2]
    this.counts = new Counts(memory, this.started)
    this.controls = new Controls(memory)
    this.threads = new Threads(memory)
    this.thread = thread
    this.slot = this.threads.enter(thread)
    this.permits = new Permits(memory, thread)
    this.admission = new Admission(memory, this.started)
    this.transitions = new Transitions(memory)
    this.memories = new Memories(memory)
    this.published = new Published(memory)
    this.maps = new WatchedMaps(memory)
    this.lease = new Lease(memory, this.slot)
    this.inFlight = this.threads.inFlight(this.slot)
  }

  static create(settings: Settings, thread: number): Room {
    const memory = SharedMemory.create(layoutFor(settings))
    memory.floats[H_STARTED / 2] = sharedNow()
    memory.floats[H_STARTED_DATE / 2] = Date.now()
    return new Room(memory, settings, thread)
  }

  static attach(buffer: unknown, settings: Settings, thread: number): Room {
    return new Room(SharedMemory.attach(buffer, layoutFor(settings)), settings, thread)
  }

  get enabled(): boolean {
    return Atomics.load(this.memory.words, H_DISABLED) === 0
  }

  set enabled(is: boolean) {
    Atomics.store(this.memory.words, H_DISABLED, is ? 0 : 1)
  }

  /** Operations per second that level 1 admits. */
  limitOf(shard: number): number {
    return this.memory.floats[this.layout.limit / 2 + shard] || this.settings.limits.least
  }

  setLimit(shard: number, limit: number): void {
    this.memory.floats[this.layout.limit / 2 + shard] = limit
  }

  /** A time of the shared clock as `Date.now()` would have said it. */
  dateOf(time: number): number {
    return Math.round(this.startedDate + time - this.started)
  }

  /** Counts an operation that ended after `ms` milliseconds. */
  ended(shard: number, ms: number): void {
    this.inFlight[shard]--
    this.counts.add(shard, COUNTERS + bucketOf(ms, this.layout.subBits))
  }

  /** Counts an operation that threw. */
  failed(shard: number, ms: number, isFailure: boolean): void {
    // The error first: a window that has the operation but not its error would look better than the shard is.
    this.counts.add(shard, isFailure ? C_ERRORS : C_EXCUSED)
    this.ended(shard, ms)
  }

  /** A thread has died. */
  bury(dead: number): void {
    this.permits.bury(dead)
    this.maps.bury(dead)
    const slots = this.threads.bury(dead, this.thread)
    this.lease.bury(slots)
  }

  /** Gives up this thread's place. Operations that are still under way end without being counted as under way. */
  leave(): void {
    this.inFlight = new Int32Array(this.settings.shards)
    this.lease.leave()
    this.threads.leave(this.slot, this.thread, this.thread)
  }
}

function layoutFor({ shards, windows }: Settings): Layout {
  return layoutOf(shards, Math.round(windows.minute / windows.look), Math.round(windows.long / windows.look))
}
