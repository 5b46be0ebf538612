import type { BeliefFinding } from '@threadmap/workbench/experiment'
import { type FaultName, HEALTHY } from './plan.js'
import { RULE, ruleHolds } from './series/recovery.js'
import type { Summary } from './series/summary.js'

/** The faults that make one shard hot, and nothing else. */
const HOT: readonly FaultName[] = ['hot key', 'slow shard', 'failing shard']

/** The rule has found a shard if it holds in this share of the windows of the fault. */
const MOSTLY = 0.5

/**
 * The verdict on belief 15: does a single hot shard drive everyone's P99, does the rule "3 times the P99" find it, and do limits,
 * isolation and degradation help? Without protection the first two show; with the governor the third.
 */
export function hotShardBelief(summaries: readonly Summary[]): BeliefFinding {
  const bare = summaries.filter(({ guard, fault }) => guard === 'no protection' && HOT.includes(fault))
  const governed = summaries.filter(({ guard, fault }) => guard === 'governor' && HOT.includes(fault))
  const drives = bare.map(
    ({ others }) => (others.fault.p99 ?? Number.POSITIVE_INFINITY) / (others.before.p99 ?? Number.NaN),
  )
  const isDriven = drives.every(ratio => ratio > HEALTHY)
  const rule = bare.map(({ hot, others, all, plan: { faultFrom, faultUntil } }) => ({
    againstAll: ruleHolds(hot.windows, all.windows, faultFrom, faultUntil),
    againstOthers: ruleHolds(hot.windows, others.windows, faultFrom, faultUntil),
  }))
  const findsAll = rule.filter(({ againstAll }) => againstAll >= MOSTLY).length
  const findsOthers = rule.filter(({ againstOthers }) => againstOthers >= MOSTLY).length
  const found = governed.flatMap(({ levels, plan }) =>
    levels?.found === undefined ? [] : [(levels.found - plan.faultFrom) / 1000],
  )
  const healed = governed.filter(({ healed }) => healed !== undefined).length
  const range = (values: readonly number[]) => `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`
  return {
    belief: 15,
    verdict: isDriven
      ? findsAll === bare.length && healed === governed.length
        ? 'holds'
        : 'does not hold'
      : 'cannot tell',
    measured:
      `without protection one hot shard of 64 behind a common pool multiplies everyone else's P99 by ${range(drives)} (${bare.map(({ fault }) => fault).join(', ')}): it does drive P99; ` +
      `but then everyone waits for the pool, and ${RULE} times the P99 of all, as clients see it, would find it in ${findsAll} of ${bare.length} faults, ${RULE} times that of the others in ${findsOthers}` +
      (governed.length === 0
        ? ''
        : `; the governor, which also counts what a shard holds beyond the common wait, found it in ${found.length} of ${governed.length}` +
          `${found.length === 0 ? '' : ` after ${range(found)} s`}; limit, isolate and degrade give everyone else their P99 back in ${healed} of ${governed.length}`),
  }
}
