/**
 * The control word of a shard: everything that an operation has to know, in one word that changes by compare-exchange. 0: nothing holds, which is
 * what an operation checks first.
 */
import type { Cause, Level } from '../snapshot.js'
import type { SharedMemory } from './layout.js'

export interface Control {
  /** The level that the policy set. */
  readonly level: Level
  /** The level that was set by hand. */
  readonly pin: Level | undefined
  readonly hot: boolean
  /** The shard looked hot at the last look, or is: values of reads are kept. */
  readonly suspect: boolean
  readonly cause: Cause | undefined
}

const CAUSES: readonly (Cause | undefined)[] = [undefined, 'hot key', 'slow shard', 'failing shard']

export function unpack(word: number): Control {
  const pin = (word >>> 2) & 7
  return {
    level: (word & 3) as Level,
    pin: pin === 0 ? undefined : ((pin - 1) as Level),
    hot: (word & 32) !== 0,
    suspect: (word & 64) !== 0,
    cause: CAUSES[(word >>> 7) & 3],
  }
}

export function pack(control: Control): number {
  return (
    control.level |
    ((control.pin === undefined ? 0 : control.pin + 1) << 2) |
    (control.hot ? 32 : 0) |
    (control.suspect ? 64 : 0) |
    (CAUSES.indexOf(control.cause) << 7)
  )
}

/** The level that holds: the one set by hand, or else the policy's. */
export function levelOf(word: number): Level {
  const pin = (word >>> 2) & 7
  return (pin === 0 ? word & 3 : pin - 1) as Level
}

export class Controls {
  readonly #words: Int32Array
  readonly #at: number

  constructor(memory: SharedMemory) {
    this.#words = memory.words
    this.#at = memory.layout.control
  }

  word(shard: number): number {
    return Atomics.load(this.#words, this.#at + shard)
  }

  /** Replaces the word if it is still `seen`. */
  replace(shard: number, seen: number, next: Control): boolean {
    return Atomics.compareExchange(this.#words, this.#at + shard, seen, pack(next)) === seen
  }
}
