/** Tells the listeners of this thread what any thread has done, by looking at the shared memory at each turn. */
import { OptionError } from 'threadmap'
import { transitionOf } from './figures.js'
import { unpack } from './shared/control.js'
import type { Room } from './shared/room.js'
import { oldestOf } from './shared/transitions.js'
import type { Cause, Transition } from './snapshot.js'

/** A shard became hot, or is no longer hot. */
export interface HotShard {
  readonly shard: number
  readonly cause: Cause | undefined
}

/** The events of a governor, and what their listeners get. Each thread that listens hears of every event once. */
export interface GovernorEvents {
  /** A shard's level has changed. */
  transition: Transition
  /** A shard was isolated or degraded, coming from level 0 or 1: somebody should look at it. */
  alert: Transition
  hot: HotShard
  cool: HotShard
}

type Listener = (event: never) => void

const NAMES = ['transition', 'alert', 'hot', 'cool']

export class Events {
  readonly #room: Room
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #wasHot: boolean[]
  /** The number of the next transition to tell. */
  #seen: number
  /** The number of a transition that was not written yet at the last turn. */
  #missing = -1

  constructor(room: Room) {
    this.#room = room
    this.#seen = room.transitions.count
    this.#wasHot = Array.from({ length: room.settings.shards }, (_, shard) => this.#isHot(shard))
  }

  on<E extends keyof GovernorEvents>(name: E, listener: (event: GovernorEvents[E]) => void): () => void {
    if (!NAMES.includes(name)) throw new OptionError(`on() knows ${NAMES.join(', ')}, and got ${String(name)}`)
    if (typeof listener !== 'function') throw new OptionError(`on() takes a function, and got ${String(listener)}`)
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // A new function each time: a program can add one function twice, and remove each addition by itself.
    const added: Listener = event => listener(event)
    listeners.add(added)
    return () => {
      listeners.delete(added)
    }
  }

  /** Called at each turn of the governor. */
  turn(): void {
    for (let shard = 0; shard < this.#wasHot.length; shard++) {
      const isHot = this.#isHot(shard)
      if (isHot === this.#wasHot[shard]) continue
      this.#wasHot[shard] = isHot
      this.#emit(isHot ? 'hot' : 'cool', { shard, cause: unpack(this.#room.controls.word(shard)).cause })
    }
    const { transitions } = this.#room
    const { count } = transitions
    for (let number = Math.max(this.#seen, oldestOf(count)); number < count; number++) {
      const kept = transitions.read(number)
      // Another thread may be writing it just now, or died before it did: it gets time until the next turn.
      if (kept === undefined && this.#missing !== number) {
        this.#missing = number
        return
      }
      this.#seen = number + 1
      if (kept !== undefined) this.#tell(transitionOf(this.#room, kept))
    }
  }

  #tell(transition: Transition): void {
    this.#emit('transition', transition)
    if (transition.to >= 2 && transition.from < 2) this.#emit('alert', transition)
  }

  #isHot(shard: number): boolean {
    return unpack(this.#room.controls.word(shard)).hot
  }

  /** An error that a listener throws is an uncaught exception; the other listeners run nevertheless. */
  #emit<E extends keyof GovernorEvents>(name: E, event: GovernorEvents[E]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(event as never)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
