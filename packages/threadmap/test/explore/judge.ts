/** The verdict on a schedule: what is wrong with the map after it, or with the outputs of its operations. */
import { type Entry, isRefused, judgeIteration, linearizable, newEntry, removes } from './history.js'
import { keysOf, type Scenario } from './scenario.js'
import type { World } from './world.js'

/** What a schedule came to. */
export interface Ended {
  history: readonly Entry[]
  /** The time on the clock of the history. */
  clock: number
  /** How often all threads slept until a time-out woke them. */
  timeouts: number
  /** The thread that dies, as a registry slot plus one; 0: the scenario has none. */
  victim: number
  /** The victim died in this schedule. */
  mortalDied: boolean
}

/** What operations of loads give. */
const LOADS = new Set(['mine', 'other', 'done', 'refused', 'none'])

export class Judge {
  readonly #world: World
  readonly #scenario: Scenario
  readonly #initial: ReadonlyMap<string, number>
  readonly #keys: readonly string[]
  /** Verdicts by history: most schedules of a scenario give one of few histories. */
  readonly #verdicts = new Map<string, string | undefined>()

  constructor(world: World, scenario: Scenario, initial: ReadonlyMap<string, number>) {
    this.#world = world
    this.#scenario = scenario
    this.#initial = initial
    this.#keys = [...new Set([...initial.keys(), ...keysOf(scenario).map(([key]) => key)])]
  }

  /** What is wrong after a schedule, or undefined. */
  problem({ history, clock, timeouts, victim, mortalDied }: Ended): string | undefined {
    if (timeouts > 0 && victim === 0) return 'all threads slept, and only a time-out woke them: a lost wake-up'
    // The first recovery left what another thread held.
    if (this.#scenario.victim !== undefined || mortalDied) this.#world.map.session.recover(victim)
    // A dead reader's share of a lock stays until a writer comes.
    const problems = this.#world.audit(!mortalDied).filter(problem => !this.#mayLeave(problem))
    if (problems.length > 0) return `the audit found: ${problems.join('; ')}`
    const whole = [...history, ...this.#finalReads(clock)]
    const id = JSON.stringify(whole)
    if (!this.#verdicts.has(id)) this.#verdicts.set(id, this.#judgeHistory(whole))
    return this.#verdicts.get(id)
  }

  /** What each key holds in the end, as reads of one more thread. */
  #finalReads(after: number): Entry[] {
    const { map, form } = this.#world
    let clock = after
    return this.#keys.map(key => {
      const value = map.get(key)
      const entry = newEntry(this.#scenario.threads.length, { op: 'get', key }, ++clock)
      entry.output = value === undefined ? undefined : form.read(value)
      entry.return = ++clock
      return entry
    })
  }

  #judgeHistory(history: readonly Entry[]): string | undefined {
    for (const entry of history) {
      if (isRefused(entry.output)) {
        const others = history.filter(other => other !== entry && other.client !== entry.client)
        const overlaps = others.some(other => other.call < entry.return && other.return > entry.call)
        if (!overlaps) return `${entry.op} was refused, and nobody else was there`
      } else if (typeof entry.output === 'string' && !LOADS.has(entry.output) && !this.#mayFail(entry.output)) {
        return `${entry.op} failed with ${entry.output}`
      }
      // An iteration that failed with an allowed error has no entries to judge.
      if (entry.op === 'iterate' && typeof entry.output !== 'string') {
        const problem = judgeIteration(entry, history, this.#initial)
        if (problem !== undefined) return problem
      }
    }
    // A thread that computed and then did not get the lock has inserted nothing: another thread may compute again.
    const keys = history.filter(entry => entry.computed && entry.output !== 'E_TIMEOUT').map(entry => entry.key)
    if (new Set(keys).size < keys.length && !history.some(removes)) return 'a key was computed twice'
    return linearizable(history, this.#initial, this.#scenario.max !== undefined)
      ? undefined
      : 'the history is not linearizable'
  }

  /**
   * A thread of a SyncMap that swaps out another thread's value may not get the lock of that thread's heap in time: then it leaves the
   * block to the next sweep. Values are swapped without a lock, so by then the operation is done and cannot fail.
   */
  #mayLeave(problem: string): boolean {
    const { map, timeout } = this.#scenario
    return map === 'SyncMap' && timeout === 0 && /^(a block is in use, but|a slab's count of live)/.test(problem)
  }

  #mayFail(output: string): boolean {
    const { full, timeout } = this.#scenario
    return (output === 'E_FULL' && full === true) || (output === 'E_TIMEOUT' && timeout === 0)
  }
}
