/**
 * Counts the keys of this thread's operations: all of them in a quiet thread, one in many in a busy one, at random distances. Each turn forgets a
 * little, adapts the distance to the load, and publishes the most frequent keys.
 */
import { PUBLISHED } from '../shared/layout.js'
import { hashOf } from './hash.js'
import { HeavyKeeper } from './heavy-keeper.js'
import type { Published } from './published.js'

/** Samples per second that a busy thread takes: 10,000 of 150 ns are 0.15% of its time. */
const SAMPLES_PER_SECOND = 10_000
const MOST_WEIGHT = 65_536

export class Sampler {
  readonly #keeper = new HeavyKeeper(PUBLISHED)
  readonly #halfLife: number
  readonly #least: number
  readonly #samplesPerSecond: number
  /** How many operations each sample stands for. */
  #weight: number
  /** Operations until the next sample. */
  #left = 1
  #taken = 0
  #turned: number

  constructor(halfLife: number, least: number, now: number, samplesPerSecond = SAMPLES_PER_SECOND) {
    this.#samplesPerSecond = samplesPerSecond
    this.#halfLife = halfLife
    this.#least = least
    this.#weight = least
    this.#turned = now
  }

  /** Counts an operation; most calls only count down. */
  see(key: string, shard: number): void {
    if (--this.#left <= 0) this.#left = this.take(key, shard)
  }

  /** Counts a sample. Returns how many operations later the next one is to be taken. */
  take(key: string, shard: number): number {
    this.#keeper.add(key, hashOf(key), shard)
    this.#taken++
    // A thread that never turns, because promises keep it busy, must not count every operation.
    if (this.#taken % this.#samplesPerSecond === 0) this.#reweigh(Math.min(MOST_WEIGHT, this.#weight * 2), 1)
    return this.#weight === 1 ? 1 : 1 + Math.floor(Math.random() * (2 * this.#weight - 1))
  }

  /** Called about once a second. */
  turn(now: number, published: Published, slot: number): void {
    const passed = now - this.#turned
    if (passed <= 0) return
    this.#turned = now
    const operations = (this.#taken * this.#weight * 1000) / passed
    this.#taken = 0
    const weight = Math.min(MOST_WEIGHT, Math.max(this.#least, Math.ceil(operations / this.#samplesPerSecond)))
    this.#reweigh(weight, 0.5 ** (passed / this.#halfLife))
    published.write(slot, this.#keeper.top(), this.#keeper.samples, weight)
  }

  /** Counts are in samples: if a sample stands for more operations from now on, there are fewer of them. */
  #reweigh(weight: number, decay: number): void {
    this.#keeper.scale((decay * this.#weight) / weight)
    this.#weight = weight
  }
}
