import { HEALTHY, UNSERVED } from '../plan.js'
import type { Figures } from './figures.js'

/** The state that counts as healthy: that of before the fault, with some room. */
export interface Health {
  /** In ms. */
  readonly p99: number
  readonly answered: number
}

export function healthOf(before: Figures): Health {
  return { p99: HEALTHY * (before.p99 ?? 0), answered: before.answered - UNSERVED }
}

export function isHealthy({ p99, answered, requests }: Figures, health: Health): boolean {
  return requests === 0 || (p99 !== null && p99 <= health.p99 && answered >= health.answered)
}

/** Of the windows after a recovery so many may be unhealthy: a busy machine delays a request now and then, which is then in all windows that overlap. */
const DISTURBED = 0.2

/**
 * When the windows between `from` and `until` become healthy for good: the begin of the first healthy window after which at most one in five
 * is not; `undefined` if they never do. `from` if all are. Only whole windows count.
 */
export function recoveredAt(
  windows: readonly Figures[],
  health: Health,
  from: number,
  until: number,
): number | undefined {
  const within = windows.filter(window => window.from >= from && window.until <= until)
  const healthy = within.map(window => isHealthy(window, health))
  // The last windows alone would be healthy by chance: a window and those that overlap with it.
  const least = Math.min(overlapping(within), within.length)
  let unhealthy = 0
  let found: number | undefined
  for (let i = within.length - 1; i >= 0; i--) {
    if (!healthy[i]) unhealthy++
    const enough = within.length - i >= least
    if (enough && healthy[i] && unhealthy <= DISTURBED * (within.length - i)) found = within[i].from
  }
  return found
}

/** How many windows begin within the length of one. */
function overlapping([first, second]: readonly Figures[]): number {
  return second === undefined ? 1 : Math.round((first.until - first.from) / (second.from - first.from))
}

/** What was acknowledged against what took effect. */
export interface WriteCheck {
  readonly acknowledged: number
  /** Acknowledged writes that did not take effect. */
  readonly lost: number
  /** Writes that took effect more than once. */
  readonly twice: number
}

/** Compares the numbers of acknowledged writes with the store's log. */
export function checkWrites(acknowledged: readonly number[], log: Int32Array): WriteCheck {
  const times = new Map<number, number>()
  for (const write of log) times.set(write, (times.get(write) ?? 0) + 1)
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter(write => !times.has(write)).length,
    twice: [...times.values()].filter(count => count > 1).length,
  }
}

/** The rule of the folklore: the hot shard's P99 is this many times that of the others. */
export const RULE = 3

/** The share of the windows between `from` and `until` in which the P99 of `hot` is at least `RULE` times that of `rest`. */
export function ruleHolds(hot: readonly Figures[], rest: readonly Figures[], from: number, until: number): number {
  const within = hot.flatMap((window, i) => (window.from >= from && window.until <= until ? [i] : []))
  const fires = within.filter(i => {
    const [one, other] = [hot[i].p99, rest[i].p99]
    return one !== null && other !== null && one >= RULE * other
  })
  return within.length === 0 ? 0 : fires.length / within.length
}
