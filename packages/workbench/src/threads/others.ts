import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { ProcessorWatch } from './time.js'

/** Whose the processors were meanwhile, as shares of the time of all processors of the machine (0 to 1). */
export interface Shares {
  /** This process and the programs that it ran. */
  readonly own: number
  /** All other programs. */
  readonly others: number
  /** Nobody's. */
  readonly idle: number
}

/** Watches who uses the processors while something is measured: what a load average of the last minute says is of another time. */
export class OthersWatch {
  readonly #watch = new ProcessorWatch()
  readonly #began = performance.now()
  readonly #children = childSeconds()

  stop(): Shares {
    const { cores, machine } = this.#watch.stop()
    const seconds = (performance.now() - this.#began) / 1000
    return sharesOf(machine, cores + (childSeconds() - this.#children) / seconds, cpus().length)
  }
}

/** `busy` is the share of all `processors` that somebody used, `cores` the number of processors that were our own. */
export function sharesOf(busy: number, cores: number, processors: number): Shares {
  const own = Math.min(busy, cores / processors)
  return { own, others: busy - own, idle: 1 - busy }
}

/** Shares from which on other programs disturb: they have that much, and leave no processor free that could serve both. */
const NOTABLE_OTHERS = 0.05
const FREE = 0.25

export function isDisturbed({ others, idle }: Shares): boolean {
  return others > NOTABLE_OTHERS && idle < FREE
}

/** The share that other programs had, where they disturbed; otherwise 0. */
export function disturbedBy(shares: Shares): number {
  return isDisturbed(shares) ? shares.others : 0
}

/** `other programs had 43% of the processors meanwhile, so that the figures are of a shared machine`. */
export function disturbedText({ others }: Shares): string {
  return `other programs had ${Math.round(100 * others)}% of the processors meanwhile, so these are figures of a shared machine`
}

/** Linux counts times of processes in hundredths of a second. */
const TICKS = 100

/** Processor time of the child processes that have ended; 0 where the system does not tell. */
function childSeconds(): number {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The name of the program, in brackets, may have blanks; the fields 16 and 17 are the times of children.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[13]) + Number(fields[14])) / TICKS
  } catch {
    return 0
  }
}
