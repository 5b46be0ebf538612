/**
 * Runs a scenario's logical threads through their interleavings, one schedule after the other, on the compiled kernel.
 *
 * A thread can be suspended before each access to a word on which threads conflict: two of them access it, and one writes. The search
 * finds these words by running, and starts again when it finds a new one. A suspension elsewhere makes no difference. Where a
 * thread ends an operation or falls asleep, any other may go on; elsewhere a change of threads is a preemption, and a search
 * has a budget of preemptions. The search is depth-first and stateless: each schedule starts from the picture of the memory.
 *
 * Interleavings that differ only in the order of independent accesses are explored once. Each access gets a hash of what
 * happened before it (its thread's accesses, the conflicting ones of the others); the last hashes of all threads name the partial
 * order so far, and so the state. A schedule ends at a state that was reached before with as many preemptions left.
 *
 * Sources: CHESS (Musuvathi, Qadeer: preemption bounding, happens-before caching), PCT (Burckhardt et al.: random priorities
 * with few changes), Godefroid (persistent sets).
 */
import { Random } from '../support/random.js'
import { Choices, Merged } from './choices.js'
import { picture } from './history.js'
import { Judge } from './judge.js'
import type { Scenario } from './scenario.js'
import { Schedule, type Traced } from './schedule.js'

export interface Failure {
  scenario: string
  problem: string
  /** The thread that went on, at each point where there was a choice. */
  path: readonly number[]
  preemptions: number
  history: string
  trace: string
}

export interface Explored {
  /** Schedules that ran to their end and were checked. */
  complete: number
  /** Schedules that came to a state from which all had been explored. */
  merged: number
  /** The whole space was explored, up to the bound. */
  exhausted: boolean
  failure: Failure | undefined
}

/** Accesses that a failure shows. */
const MOST_TRACED = 300

export class Explorer {
  readonly #scenario: Scenario
  readonly #choices = new Choices()
  readonly #schedule: Schedule
  readonly #judge: Judge

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#schedule = new Schedule(scenario, this.#choices)
    this.#judge = new Judge(this.#schedule.world, scenario, this.#schedule.initial)
  }

  /** In how many schedules the mortal thread has died. */
  get deaths(): number {
    return this.#schedule.deaths
  }

  /**
   * All schedules with at most `bound` preemptions, as far as `most` of them and `milliseconds` reach; stops at the first
   * failure.
   */
  search(bound: number, most = Number.POSITIVE_INFINITY, milliseconds = Number.POSITIVE_INFINITY): Explored {
    const until = performance.now() + milliseconds
    const explored: Explored = { complete: 0, merged: 0, exhausted: false, failure: undefined }
    this.#choices.bound = bound
    this.#restart()
    while (true) {
      explored.failure = this.#once(explored)
      if (explored.failure !== undefined) return explored
      if (this.#schedule.order.foundConflict) {
        this.#schedule.order.foundConflict = false
        this.#restart()
        continue
      }
      if (!this.#choices.backtrack()) {
        explored.exhausted = true
        break
      }
      const done = explored.complete + explored.merged
      if (done >= most || ((done & 63) === 0 && performance.now() > until)) break
    }
    this.#schedule.world.checkRestored()
    return explored
  }

  /** Random schedules by PCT: random priorities, lowered at `changes` random points. */
  random(seed: number, most: number, changes: number, milliseconds = Number.POSITIVE_INFINITY): Explored {
    const until = performance.now() + milliseconds
    const explored: Explored = { complete: 0, merged: 0, exhausted: false, failure: undefined }
    const source = Random.of('schedules', seed)
    let length = 64
    for (let i = 0; i < most && ((i & 63) !== 0 || performance.now() < until); i++) {
      this.#schedule.order.forget()
      this.#choices.draw(source, this.#scenario.threads.length, changes, length)
      explored.failure = this.#once(explored)
      if (explored.failure !== undefined) break
      length = Math.max(8, this.#choices.depth)
    }
    return explored
  }

  #restart(): void {
    this.#choices.forget()
    this.#schedule.order.forget()
  }

  /** Runs the schedule of these choices to its end; returns what is wrong with it, or undefined. */
  #once(explored: Explored): Failure | undefined {
    let problem: string | undefined
    try {
      this.#schedule.run()
      explored.complete++
      problem = this.#judge.problem(this.#schedule)
    } catch (error) {
      if (error instanceof Merged) {
        explored.merged++
        return undefined
      }
      problem = (error as Error).stack ?? String(error)
    }
    return problem === undefined ? undefined : this.#explain(problem)
  }

  /** Runs the failing schedule again, with a trace of what each thread does. */
  #explain(problem: string): Failure {
    const { preemptions } = this.#choices
    const history = picture(this.#schedule.history)
    const path = this.#choices.repeat()
    this.#schedule.order.forget()
    const trace: Traced[] = []
    this.#schedule.trace = trace
    try {
      this.#schedule.run()
    } catch {
      // It fails as it did before.
    }
    this.#schedule.trace = undefined
    return { scenario: this.#scenario.name, problem, path, preemptions, history, trace: showTrace(trace) }
  }

  dispose(): void {
    this.#schedule.world.dispose()
  }
}

function showTrace(trace: readonly Traced[]): string {
  const lines: string[] = []
  let last = -1
  for (const { thread, what } of trace) {
    if (lines.length > MOST_TRACED) return `${lines.join('\n')}\n    (and so on)`
    if (thread !== last) lines.push(`  thread ${thread}:`)
    last = thread
    lines.push(`    ${what}`)
  }
  return lines.join('\n')
}
