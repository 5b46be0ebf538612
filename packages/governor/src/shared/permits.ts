/**
 * Permits of isolated shards: each shard has 64 words, and an operation that holds a permit has its thread's number in one of them. So a permit
 * is taken and given back by one compare-exchange, and whatever a dead thread held is found by its number.
 */
import { MOST_CONCURRENCY } from '../options.js'
import type { SharedMemory } from './layout.js'

export class Permits {
  readonly #words: Int32Array
  readonly #at: number
  readonly #shards: number
  readonly #thread: number
  /** Operations of this thread that wait for a permit, by shard. */
  readonly #waiting = new Map<number, (() => void)[]>()

  /** `thread`: this thread's number plus one. */
  constructor(memory: SharedMemory, thread: number) {
    this.#words = memory.words
    this.#at = memory.layout.permits
    this.#shards = memory.layout.shards
    this.#thread = thread
  }

  /** Takes one of the shard's first `limit` permits. Returns its number, or -1 if all are taken. */
  take(shard: number, limit: number): number {
    const first = this.#at + shard * MOST_CONCURRENCY
    for (let i = 0; i < limit; i++) {
      if (Atomics.compareExchange(this.#words, first + i, 0, this.#thread) === 0) return i
    }
    return -1
  }

  /** Gives a permit back, and wakes the operation of this thread that has waited longest. */
  release(shard: number, permit: number): void {
    const at = this.#at + shard * MOST_CONCURRENCY + permit
    Atomics.compareExchange(this.#words, at, this.#thread, 0)
    const waiting = this.#waiting.get(shard)
    waiting?.shift()?.()
  }

  /** Resolves when this thread gives back a permit of the shard, or after `ms`: other threads give theirs back unheard. */
  released(shard: number, ms: number): Promise<void> {
    return new Promise(resolve => {
      const waiting = this.#waiting.get(shard) ?? []
      this.#waiting.set(shard, waiting)
      const timer = setTimeout(() => {
        const at = waiting.indexOf(wake)
        if (at >= 0) waiting.splice(at, 1)
        resolve()
      }, ms)
      const wake = () => {
        clearTimeout(timer)
        resolve()
      }
      waiting.push(wake)
    })
  }

  /** How many of a shard's permits are taken. */
  held(shard: number): number {
    const first = this.#at + shard * MOST_CONCURRENCY
    let held = 0
    for (let i = 0; i < MOST_CONCURRENCY; i++) if (Atomics.load(this.#words, first + i) !== 0) held++
    return held
  }

  /** Gives back what a dead thread (its number plus one) held. */
  bury(dead: number): void {
    const end = this.#at + this.#shards * MOST_CONCURRENCY
    for (let at = this.#at; at < end; at++) {
      if (this.#words[at] === dead) Atomics.compareExchange(this.#words, at, dead, 0)
    }
  }
}
