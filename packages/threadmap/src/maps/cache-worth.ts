/**
 * Whether a thread's read cache pays. From time to time there is a trial: for some reads the cache takes part, for as many it stands aside, and
 * every sixteenth read of both is measured. Where the cache costs more than it saves, it stands aside, and is tried again after a pause that
 * doubles each time. Numbers as keys, and strings that are made anew for each read, are looked up as fast in shared memory.
 *
 * Values that the cache gives out and those that are read must look the same: so it stands aside only where values are primitives.
 *
 * Reads of both ways come in runs, and the first half of a run is not measured: a read now and then that passes the cache by takes several times
 * as long as one among others, since neither the processor nor the compiler is prepared for it.
 */

/** Reads of a run of a trial, half of which are measured: one in STRIDE. */
const HALF = 1024
const STRIDE = 16
/** Reads for each key of the cache until it is as full as it gets: before that, misses say nothing. */
const WARM = 4
/** Reads until the next trial: the trial itself has 4 * HALF. */
const FIRST_PAUSE = 65_536
const LAST_PAUSE = 2 ** 22
/** The cache stays where it saves this much at least: there is a price for looking. */
const LEAST_GAIN = 0.97

export type Took = 'hit' | 'miss' | 'passed by'

/** The phases, in their order: the cache takes part, the same measured, it stands aside, the same measured (3), and a judgement holds. */
const USES = 0
const USES_MEASURED = 1
const PASSES = 2
const SETTLED = 4

export class CacheWorth {
  readonly #limit: number
  readonly #isJudged: boolean
  #phase = USES
  /** Reads left in a phase that is measured. */
  #left = 0
  #times: Record<Took, number[]> = { hit: [], miss: [], 'passed by': [] }
  #reads = 0
  #pause = FIRST_PAUSE
  /** Reads until the next step. */
  countdown: number
  /** Whether reads pass the cache by. */
  isAside = false

  constructor(limit: number, isJudged: boolean) {
    this.#limit = limit
    this.#isJudged = isJudged
    this.countdown = isJudged ? HALF : 2 ** 30
  }

  /** Called when the countdown is over. Whether this read is to be measured: then `took` has to follow. */
  measures(): boolean {
    if (!this.#isJudged) {
      this.countdown = 2 ** 30
      return false
    }
    if (this.#phase === USES || this.#phase === PASSES) {
      this.#phase++
      this.#left = HALF
    } else if (this.#phase === SETTLED) {
      this.#enter(USES)
      return false
    }
    return true
  }

  /** A read took so long. */
  took(how: Took, milliseconds: number): void {
    this.#times[how].push(milliseconds)
    this.#left -= STRIDE
    this.countdown = STRIDE - 1
    if (this.#left > 0) return
    if (this.#phase === USES_MEASURED) this.#enter(PASSES)
    else this.#judge()
  }

  #enter(phase: number): void {
    this.#phase = phase
    this.isAside = phase === PASSES
    this.countdown = HALF
    this.#reads += HALF
  }

  #judge(): void {
    const { hit, miss, 'passed by': passed } = this.#times
    this.#times = { hit: [], miss: [], 'passed by': [] }
    const direct = median(passed) * LEAST_GAIN
    const isWarm = this.#reads >= WARM * this.#limit
    const cost = (sum(hit, median(hit)) + sum(miss, median(miss))) / (hit.length + miss.length)
    // While the cache fills, only hits that cost too much speak against it.
    const pays = isWarm ? cost < direct : hit.length < miss.length || median(hit) < direct
    const wasAside = this.#pays === false
    if (pays !== this.#pays) this.#pause = FIRST_PAUSE
    this.#pays = pays
    this.isAside = !pays
    this.#phase = SETTLED
    this.countdown = this.#pause
    this.#reads += this.#pause
    if (isWarm || wasAside) this.#pause = Math.min(this.#pause * 2, LAST_PAUSE)
  }

  #pays: boolean | undefined
}

function median(times: number[]): number {
  return times.length === 0 ? 0 : times.sort((a, b) => a - b)[times.length >> 1]
}

function sum(times: number[], each: number): number {
  return times.length * each
}
