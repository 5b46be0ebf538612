/**
 * S3-FIFO (Yang et al., SOSP 2023): a small queue for what is new, a main queue for what was asked for again, and a ghost of what left the
 * small queue. A hit only counts, up to 3.
 *
 * With `adaptive` the small queue's share follows the workload: each queue has a ghost, as in ARC. A key that returns from the ghost
 * of the small queue says that this queue was too short, one that returns from the ghost of the main queue that the small one was too long.
 */
import { Ghost, KeyList, type Policy } from './policy.js'

const MOST_HITS = 3
/** A ghost is taken for this large at least, so that a step has a limit. */
const LEAST_OWN = 0.001

export interface S3Options {
  /** The small queue's share of the capacity, at the beginning. */
  readonly small?: number
  /** Hits in the small queue after which a key moves to the main queue. */
  readonly promoteAt?: number
  readonly adaptive?: AdaptiveOptions
}

export interface AdaptiveOptions {
  /** How many places the small queue gains or loses at a time, at least. */
  readonly step: number
  /** The small queue's share, at least and at most. */
  readonly least: number
  readonly most: number
  /** How many keys each ghost remembers, as a share of the capacity. */
  readonly ghosts: number
  /** Ghosts adapt the share if their key left not longer ago than so many others, as a share of the capacity. */
  readonly near: number
  /** One in so many of the main queue's ghosts has to pass the small queue again. */
  readonly provesAgain: number
}

/**
 * Each queue has a ghost of its own: where both share one, a burst through the small queue makes the main queue's ghost forget (0.6 points).
 * Shares from 1% to 4% at least and 80% to 90% at most, steps from 3 to 5 and ghosts of 0.9 to 1 differ by 0.1 points on the mean
 * of four public traces at capacities of 1% and 10%. That one in four of the main queue's ghosts has to pass the small queue again keeps loops
 * from taking the main queue over: 8 points for a loop of four times the capacity, 0.5 on the mean of eighteen generated traces.
 */
export const ADAPTIVE: AdaptiveOptions = { step: 5, least: 0.02, most: 0.8, ghosts: 0.9, near: 0.3, provesAgain: 4 }

export class S3Fifo implements Policy {
  readonly #capacity: number
  readonly #promoteAt: number
  readonly #adaptive: AdaptiveOptions | undefined
  readonly #small: KeyList
  readonly #main: KeyList
  /** 0: not in the cache; 1: in the small queue; 2: in the main queue. */
  readonly #queue: Uint8Array
  readonly #hits: Uint8Array
  readonly #smallGhost: Ghost
  readonly #mainGhost: Ghost | undefined
  /** How many places the small queue has. */
  #target: number
  /** The share of the small queue among the latest keys that left a queue, about as many as the cache holds. */
  #smallShare = 0.5
  #hasEvicted = false

  constructor(capacity: number, keys: number, { small = 0.1, promoteAt = 2, adaptive }: S3Options = {}) {
    this.#capacity = capacity
    this.#promoteAt = promoteAt
    this.#adaptive = adaptive
    this.#small = new KeyList(keys)
    this.#main = new KeyList(keys)
    this.#queue = new Uint8Array(keys)
    this.#hits = new Uint8Array(keys)
    this.#target = Math.max(1, capacity * small)
    const remembered = Math.max(1, Math.floor(capacity * (adaptive?.ghosts ?? 1 - small)))
    this.#smallGhost = new Ghost(keys, remembered)
    if (adaptive !== undefined) this.#mainGhost = new Ghost(keys, remembered)
  }

  get size(): number {
    return this.#small.length + this.#main.length
  }

  /** The small queue's share of the capacity now. */
  get share(): number {
    return this.#target / this.#capacity
  }

  access(key: number): boolean {
    if (this.#queue[key] !== 0) {
      if (this.#hits[key] < MOST_HITS) this.#hits[key]++
      return true
    }
    const wasSmall = this.#smallGhost.has(key)
    const wasMain = this.#mainGhost?.has(key) ?? false
    const leadsToMain = wasSmall || (wasMain && this.#mainGhost!.numberOf(key) % this.#adaptive!.provesAgain !== 0)
    if (this.#adaptive !== undefined && (wasSmall || wasMain)) this.#adapt(this.#adaptive, key, wasSmall)
    if (wasSmall) this.#smallGhost.delete(key)
    if (wasMain) this.#mainGhost!.delete(key)
    while (this.size >= this.#capacity) this.#evict()
    this.#hits[key] = 0
    // While the cache fills, the main queue takes what the small one has no place for: otherwise all of it would have to pass the small
    // queue when the first entries are evicted.
    const fills = !this.#hasEvicted && this.#small.length >= this.#target
    const toMain = leadsToMain || fills
    this.#queue[key] = toMain ? 2 : 1
    if (toMain) this.#main.push(key)
    else this.#small.push(key)
    return false
  }

  #adapt({ step, least, most, near }: AdaptiveOptions, key: number, longer: boolean): void {
    const ghost = longer ? this.#smallGhost : (this.#mainGhost as Ghost)
    if (ghost.ageOf(key) >= near * this.#capacity) return
    // A ghost that few keys enter counts for more when one returns, as in ARC.
    const own = longer ? this.#smallShare : 1 - this.#smallShare
    const places = step * Math.max(1, (1 - own) / Math.max(own, LEAST_OWN))
    const target = this.#target + (longer ? places : -places)
    this.#target = Math.min(Math.max(target, least * this.#capacity), most * this.#capacity)
  }

  /** Remembers a key that left a queue. */
  #remember(key: number, ghost: Ghost | undefined): void {
    ghost?.add(key)
    this.#smallShare += ((ghost === this.#smallGhost ? 1 : 0) - this.#smallShare) / this.#capacity
  }

  #evict(): void {
    this.#hasEvicted = true
    if (this.#small.length > this.#target || this.#main.length === 0) this.#evictSmall()
    else this.#evictMain()
  }

  #evictSmall(): void {
    while (this.#small.length > 0) {
      const key = this.#small.shift()
      if (this.#hits[key] >= this.#promoteAt) {
        this.#hits[key] = 0
        this.#queue[key] = 2
        this.#main.push(key)
      } else {
        this.#queue[key] = 0
        this.#remember(key, this.#smallGhost)
        return
      }
    }
  }

  #evictMain(): void {
    while (true) {
      const key = this.#main.shift()
      if (this.#hits[key] > 0) {
        this.#hits[key]--
        this.#main.push(key)
      } else {
        this.#queue[key] = 0
        this.#remember(key, this.#mainGhost)
        return
      }
    }
  }
}
