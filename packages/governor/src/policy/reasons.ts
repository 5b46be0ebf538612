/** The sentence for each reason of a transition. */
import { duration, percent } from '../measures.js'
import type { Settings } from '../options.js'
import type { Kept } from '../shared/transitions.js'
import { REASONS } from './decide.js'

export function reasonOf({ reason, p99, others, rate, errorShare }: Kept, settings: Settings): string {
  const { limits, isolation, degrade } = settings
  const own = duration(p99)
  switch (reason) {
    case REASONS.overLimit:
      return `The P99 was ${own}, above the limit of ${duration(limits.p99)}, in ${limits.looks} looks in a row; all others have ${duration(others)}.`
    case REASONS.stillOver:
      return `The P99 stayed above ${duration(limits.p99)} for more than ${isolation.after / 1000} s, and is ${own}.`
    case REASONS.relapsed:
      return `The P99 of ${own} is above ${duration(limits.p99)} again, in ${limits.looks} looks in a row after isolation ended.`
    case REASONS.errors:
      return `${percent(errorShare)} of the operations failed, more than ${percent(degrade.errors)}.`
    case REASONS.probesGood:
      return 'The operations that were let through succeeded.'
    case REASONS.quiet:
      return 'Nobody called for a minute.'
    case REASONS.calm:
      return `The P99 of ${own} is within the limit of ${duration(limits.p99)} again.`
    case REASONS.demandFell:
      return `The P99 of ${own} is within the limit again, and callers want less.`
    case REASONS.trial:
      return `The P99 of ${own} is within the limit again; callers want as much as before, so this is a trial.`
    case REASONS.unlimited:
      return `The P99 of ${own} is within the limit with all ${Math.round(rate)} operations per second admitted.`
    case REASONS.pinned:
      return 'Set by hand.'
    case REASONS.unpinned:
      return 'Given back to the policy by hand.'
    case REASONS.switchedOff:
      return 'The governor was switched off.'
    default:
      return 'The thread that led ended before it noted why.'
  }
}
