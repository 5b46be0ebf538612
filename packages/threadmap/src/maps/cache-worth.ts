/**
 * Whether a thread's read cache pays. From time to time there is a trial: some reads use the cache, then as many pass it by, and so on again where the two are
 * close. The end of each such run is timed. Where the cache costs more than it saves, reads pass it by until the next trial; the pause between trials
 * doubles as long as they come to the same result. Numbers as keys, and strings that are made anew for each read, are looked up as fast in shared memory.
 *
 * Blocks of reads are timed, together with what the program does between them: a clock that is read for each of them would add as much as a read takes, and keep the
 * processor from overlapping one read with the next. The blocks of a program that does much else show no difference, and there it does not matter.
 *
 * Values that the cache gives out and those that are read must look the same: so reads pass it by only where values are primitives.
 */

/** Reads in a block, and the blocks of a run that are timed. */
const BLOCK = 128
const BLOCKS = 8
/**
 * Reads of a run before its first block, one for each key of the cache within these bounds: neither the processor's caches nor the compiler are prepared for the
 * other way at first. One read that passed the cache by among hits took 330 ns, and 26 in a loop.
 */
const LEAST_WARM = 1024
const MOST_WARM = 16_384
/** Pairs of runs in a trial, unless the first of them differ by more than CLEAR. */
const PAIRS = 3
const CLEAR = 1.25
/** A cache that stood aside comes back only if it saves this much more: with 100,000 keys, whose lines are never warm, trials came to one result and the other. */
const RETURN = 0.8
/** Reads for each key of the cache before the first trial: before that most reads miss, and say nothing. */
const FILL = 2
/** Reads from one trial to the next. A trial has up to 2 * PAIRS * (warm + BLOCK * BLOCKS). */
const LEAST_PAUSE = 65_536
const PAUSE_FOR_WARM = 32
const LAST_PAUSE = 2 ** 22
const NEVER = 2 ** 30

export class CacheWorth {
  /** Reads until the first step. */
  readonly first: number
  /** Whether reads pass the cache by. */
  isAside = false
  readonly #isJudged: boolean
  readonly #most: number
  readonly #warm: number
  readonly #firstPause: number
  #pause: number
  #isTrial = false
  /** Of this run: how many blocks have begun, and when the last one did. */
  #blocks = 0
  #since = 0
  #used: number[] = []
  #passed: number[] = []
  #wasAside: boolean | undefined

  /** `most`: the time of a read that uses the cache, in reads that pass it by, up to which it stays in use. */
  constructor(limit: number, isJudged: boolean, most: number) {
    this.#isJudged = isJudged
    this.#most = most
    this.#warm = Math.min(Math.max(limit, LEAST_WARM), MOST_WARM)
    this.#firstPause = Math.max(LEAST_PAUSE, PAUSE_FOR_WARM * this.#warm)
    this.#pause = this.#firstPause
    this.first = isJudged ? Math.max(MOST_WARM, FILL * limit) : NEVER
  }

  /** Called when that many reads have passed as the last call returned (at first: `first`). Says how many shall pass until the next, and in `isAside` which way. */
  step(now: number): number {
    if (!this.#isJudged) return NEVER
    if (!this.#isTrial) {
      this.#isTrial = true
      return this.#run(false)
    }
    if (this.#blocks > 0) (this.isAside ? this.#passed : this.#used).push(now - this.#since)
    if (this.#blocks < BLOCKS) {
      this.#blocks++
      this.#since = now
      return BLOCK
    }
    return this.isAside ? this.#judge() : this.#run(true)
  }

  #run(isAside: boolean): number {
    this.isAside = isAside
    this.#blocks = 0
    return this.#warm
  }

  #judge(): number {
    const ratio = median(this.#used) / median(this.#passed)
    if (ratio < CLEAR && ratio > 1 / CLEAR && this.#used.length < PAIRS * BLOCKS) return this.#run(false)
    this.#used = []
    this.#passed = []
    this.#isTrial = false
    this.isAside = ratio > (this.#wasAside === true ? this.#most * RETURN : this.#most)
    if (this.isAside !== this.#wasAside) this.#pause = this.#firstPause
    this.#wasAside = this.isAside
    const pause = this.#pause
    this.#pause = Math.min(pause * 2, LAST_PAUSE)
    return pause
  }
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[times.length >> 1]
}
