import type { Outcome } from '@threadmap/workbench/experiment'
import { quantile } from '@threadmap/workbench/statistics'
import { chartsOf } from './charts.js'
import { hotShardBelief } from './folklore.js'
import type { FaultRun } from './measure.js'
import { BACK_MS, CURE_MS, HEALTHY, LATE_MS } from './plan.js'
import { type Summary, summaryOf } from './series/summary.js'
import { evidenceOf, governorTable, hotTable, othersTable, ratioOf, timeTable } from './tables.js'

export function outcomeOf(runs: readonly FaultRun[], workers: number): Outcome {
  const byFault = runs.map(run => run.served.map(served => summaryOf(run, served)))
  const summaries = byFault.flat()
  const faults = runs.map(({ fault }) => fault)
  return {
    evidence: evidenceOf(summaries, workers),
    charts: chartsOf(faults, summaries),
    tables: [
      ...governorTable(summaries),
      ...runs.flatMap(({ fault }, i) => [othersTable(fault, byFault[i]), hotTable(fault, byFault[i])]),
      ...runs.flatMap(({ fault }, i) => timeTable(fault, byFault[i])),
    ],
    findings: [
      ...goalFindings(summaries),
      ...byFault.map(faultFinding),
      writesFinding(summaries),
      ...runs
        .map(({ fault, lateness }) => ({ fault, lateness: quantile([...lateness], 0.99) }))
        .filter(({ lateness }) => lateness > LATE_MS)
        .map(
          ({ fault, lateness }) =>
            `${fault}: requests left up to ${lateness.toFixed(0)} ms late (P99), because other programs have the processors: all latencies have this much noise, and windows in which it is so say nothing about health.`,
        ),
    ],
    beliefs: [hotShardBelief(summaries)],
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** Whether the governor reached its goals. */
function goalFindings(summaries: readonly Summary[]): string[] {
  const governed = summaries.filter(({ guard }) => guard === 'governor')
  if (governed.length === 0) return []
  const cured = governed.filter(({ cure, healed }) =>
    cure === undefined ? healed !== undefined : cure.took <= CURE_MS,
  )
  const back = governed.filter(({ back: time }) => time !== undefined && time <= BACK_MS)
  const missed = (reached: readonly Summary[]) => {
    const names = governed.filter(each => !reached.includes(each)).map(({ fault }) => fault)
    return names.length === 0 ? '' : ` (not: ${names.join(', ')})`
  }
  const took = cured.flatMap(({ cure }) => cure?.took ?? [])
  return [
    `With the governor everyone else's P99 is within ${HEALTHY} times that of before in ${cured.length} of ${governed.length} faults at most ${CURE_MS / 1000} s after the level that cures takes hold${missed(cured)}` +
      `${took.length === 0 ? '' : `, after ${seconds(Math.max(...took))} at the latest`}. ` +
      `After the fault all is as before by itself within ${BACK_MS / 1000} s in ${back.length} of ${governed.length}${missed(back)}` +
      `${back.length === 0 ? '' : `, after ${seconds(Math.max(...back.map(({ back: time }) => time ?? 0)))} at the latest`}.`,
    ...governed.map(governorFinding),
  ]
}

/** What the governor did about a fault, in one sentence. */
function governorFinding({ fault, plan, levels, cure, healed, hot }: Summary): string {
  if (levels === undefined) return `${fault}: the governor left no trace.`
  const { found, cause, changes } = levels
  const steps = changes
    .filter(({ at }) => at >= plan.faultFrom)
    .map(({ at, to }) => `${to} after ${seconds(at - plan.faultFrom)}`)
  const cured =
    cure === undefined
      ? healed === undefined
        ? 'everyone else is not healthy before the fault ends'
        : `everyone else is healthy ${seconds(healed)} after its begin`
      : `level ${cure.level} cures: everyone else is healthy ${seconds(cure.took)} after it takes hold`
  return (
    `${fault}, governor: ${found === undefined ? 'the shard is not found hot' : `the shard is found hot (${cause ?? 'no cause'}) after ${seconds(found - plan.faultFrom)}`}; ` +
    `levels from the begin of the fault: ${steps.join(', ') || 'none'}; ${cured}; of its requests ${(100 * hot.fault.answered).toFixed(0)}% are answered, ` +
    `${(100 * hot.fault.stale).toFixed(0)}% of these with a value up to ${seconds(hot.fault.oldest)} old.`
  )
}

/** All servers under one fault. */
function faultFinding(summaries: readonly Summary[]): string {
  const each = summaries.map(summary => {
    const ratio = ratioOf(summary)
    const { others, hot } = summary
    return `${summary.guard} ${ratio === null ? 'no answer' : `${ratio.toFixed(1)}x`}, ${(100 * others.settled.answered).toFixed(0)}% (hot shard ${(100 * hot.settled.answered).toFixed(0)}%)`
  })
  return `${summaries[0].fault}, last third of the fault: everyone else's P99 against before, and answered: ${each.join('; ')}.`
}

function writesFinding(summaries: readonly Summary[]): string {
  const sum = (of: (summary: Summary) => number) => summaries.reduce((total, summary) => total + of(summary), 0)
  const bad = summaries.filter(({ writes }) => writes.lost + writes.twice > 0)
  const text = `Of ${sum(({ writes }) => writes.acknowledged)} acknowledged writes the stores' logs miss ${sum(({ writes }) => writes.lost)}, and ${sum(({ writes }) => writes.twice)} writes took effect twice`
  return bad.length === 0 ? `${text}.` : `${text}: ${bad.map(({ guard, fault }) => `${guard}, ${fault}`).join('; ')}.`
}
