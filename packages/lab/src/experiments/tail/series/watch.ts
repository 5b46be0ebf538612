import type { Governor, ShardSnapshot } from '@threadmap/governor'
import { HOT_SHARD, type Plan } from '../plan.js'
import { isUp, type Levels } from './levels.js'

/** How often the governor is looked at, in ms. */
const LOOK_MS = 100

/** Writes down what a governor does about the hot shard. `begin`: when the run begins, in ms since the epoch. */
export class LevelWatch {
  readonly #governor: Governor
  readonly #plan: Plan
  readonly #begin: number
  readonly #timer: NodeJS.Timeout
  #found: number | undefined
  #last: ShardSnapshot | undefined

  constructor(governor: Governor, plan: Plan, begin: number) {
    this.#governor = governor
    this.#plan = plan
    this.#begin = begin
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  #look(): void {
    const { at, shards } = this.#governor.snapshot()
    const time = at - this.#begin
    if (time < this.#plan.faultFrom || time >= this.#plan.faultUntil) return
    const shard = shards[HOT_SHARD]
    if (!shard.hot) return
    this.#found ??= time
    this.#last = shard
  }

  /** Ends the watch. */
  stop(): Levels {
    clearInterval(this.#timer)
    const transitions = this.#governor
      .snapshot()
      .transitions.map(({ at, shard, from, to, reason }) => ({ at: at - this.#begin, shard, from, to, reason }))
    const key = this.#last?.hotKeys[0]
    return {
      changes: transitions.flatMap(({ shard, ...change }) => (shard === HOT_SHARD ? [change] : [])),
      found: this.#found,
      cause: this.#last?.cause,
      elsewhere: transitions.filter(change => change.shard !== HOT_SHARD && isUp(change)).length,
      key: key === undefined ? undefined : { name: key.key, share: key.shareOfShard },
    }
  }
}
