/**
 * What the policy remembers of each shard, for the thread that leads next. Each number is valid by itself, so a thread that dies between two of
 * them leaves a mixture of two looks that the next look corrects. Level, heat and cause are in the control word.
 */

import { CALM, type Policy } from '../policy/decide.js'
import { COLD, type Heat } from '../policy/detect.js'
import { unpack } from './control.js'
import { S_FLOATS, type SharedMemory } from './layout.js'

export class Memories {
  readonly #floats: Float64Array
  readonly #at: number

  constructor(memory: SharedMemory) {
    this.#floats = memory.floats
    this.#at = memory.layout.state / 2
  }

  /** `word`: the control word of the shard. */
  policy(shard: number, word: number): Policy {
    const at = this.#at + shard * S_FLOATS
    const [since, over, overSince, calm, failing, limit, relapses, fell, wanted] = this.#floats.subarray(at, at + 9)
    return { ...CALM, level: unpack(word).level, since, over, overSince, calm, failing, limit, relapses, fell, wanted }
  }

  heat(shard: number, word: number): Heat {
    const { hot, cause } = unpack(word)
    const at = this.#at + shard * S_FLOATS + 9
    const [hotSince, above, below, failing] = this.#floats.subarray(at, at + 4)
    return { ...COLD, hot, cause, hotSince, above, below, failing }
  }

  keep(shard: number, policy: Policy, heat: Heat): void {
    const { since, over, overSince, calm, failing, limit, relapses, fell, wanted } = policy
    const { hotSince, above, below } = heat
    const at = this.#at + shard * S_FLOATS
    this.#floats.set(
      [since, over, overSince, calm, failing, limit, relapses, fell, wanted, hotSince, above, below, heat.failing],
      at,
    )
  }
}
