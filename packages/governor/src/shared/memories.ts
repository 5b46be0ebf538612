/**
 * What the policy remembers of each shard, for the thread that leads next. Each number is valid by itself, so a thread that dies between two of
 * them leaves a mixture of two looks that the next look corrects. Level, heat and cause are in the control word.
 */

import { CALM, type Policy } from '../policy/decide.js'
import { COLD, type Heat } from '../policy/detect.js'
import { unpack } from './control.js'
import { S_FLOATS, type SharedMemory } from './layout.js'

/** The numbers of a shard, in their order. */
const POLICY = [
  ...(['since', 'over', 'overSince', 'calm', 'shown', 'failing', 'limit', 'relapses', 'fell', 'wanted'] as const),
  ...(['knee', 'eased', 'cured', 'loaded', 'proven'] as const),
]
const HEAT = ['hotSince', 'above', 'below', 'failing', 'usual', 'learned'] as const
const OVER = POLICY.indexOf('over')
const FAILING = POLICY.indexOf('failing')
/** How many operations callers wanted in the last minute. */
const WANTED = POLICY.length + HEAT.length

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
    const policy = { ...CALM, level: unpack(word).level }
    for (const [i, name] of POLICY.entries()) policy[name] = this.#floats[at + i]
    return policy
  }

  heat(shard: number, word: number): Heat {
    const { hot, cause } = unpack(word)
    const at = this.#at + shard * S_FLOATS + POLICY.length
    const heat = { ...COLD, hot, cause }
    for (const [i, name] of HEAT.entries()) heat[name] = this.#floats[at + i]
    return heat
  }

  /** Keeps how many operations callers wanted of a shard in the minute before a look. */
  keepWanted(shard: number, wanted: number): void {
    this.#floats[this.#at + shard * S_FLOATS + WANTED] = wanted
  }

  wanted(shard: number): number {
    return this.#floats[this.#at + shard * S_FLOATS + WANTED]
  }

  keep(shard: number, policy: Policy, heat: Heat): void {
    const at = this.#at + shard * S_FLOATS
    for (const [i, name] of POLICY.entries()) this.#floats[at + i] = policy[name]
    this.keepHeat(shard, heat)
  }

  keepHeat(shard: number, heat: Heat): void {
    const at = this.#at + shard * S_FLOATS + POLICY.length
    for (let i = 0; i < HEAT.length; i++) this.#floats[at + i] = heat[HEAT[i]]
  }

  /** Whether the last look saw the shard neither over the limit nor failing. */
  isCalm(shard: number): boolean {
    const at = this.#at + shard * S_FLOATS
    return this.#floats[at + OVER] === 0 && this.#floats[at + FAILING] === 0
  }
}
