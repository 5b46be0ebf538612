import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { Table } from '@threadmap/workbench/experiment'
import { FAULTS, type FaultName, HOT_SHARD } from './plan.js'
import { levelAt } from './series/levels.js'
import type { Summary } from './series/summary.js'

/** One row for each server: what the fault did to everyone else. */
export function othersTable(fault: FaultName, summaries: readonly Summary[]): Table {
  return {
    title: `${fault} (${FAULTS[fault]}): everyone else`,
    columns: [
      { label: 'server' },
      { label: 'P50 before', unit: 'ms', digits: 0 },
      { label: 'P99 before', unit: 'ms', digits: 0 },
      { label: 'P50 in the fault', unit: 'ms', digits: 0 },
      { label: 'P99', unit: 'ms', digits: 0 },
      { label: 'answered', unit: '%', digits: 1 },
      { label: 'P99 in its last third', unit: 'ms', digits: 0 },
      { label: 'of before', unit: 'x', digits: 2 },
      { label: 'answered', unit: '%', digits: 1 },
      { label: 'healthy after', unit: 's', digits: 1 },
    ],
    rows: summaries.map(summary => {
      const { before, fault: during, settled } = summary.others
      return [
        summary.guard,
        before.p50,
        before.p99,
        during.p50,
        during.p99,
        100 * during.answered,
        settled.p99,
        ratioOf(summary),
        100 * settled.answered,
        inSeconds(summary.healed),
      ]
    }),
  }
}

/** One row for each server: what the clients of the hot shard see, and the writes of all. */
export function hotTable(fault: FaultName, summaries: readonly Summary[]): Table {
  return {
    title: `${fault}: shard ${HOT_SHARD}, the hot one, in the fault, and the writes of all`,
    columns: [
      { label: 'server' },
      { label: 'P50', unit: 'ms', digits: 0 },
      { label: 'P99', unit: 'ms', digits: 0 },
      { label: 'answered', unit: '%', digits: 1 },
      { label: 'refused', unit: '%', digits: 1 },
      { label: 'failed', unit: '%', digits: 1 },
      { label: 'stale answers', unit: '%', digits: 1 },
      { label: 'oldest', unit: 's', digits: 1 },
      { label: 'as before after', unit: 's', digits: 1 },
      { label: 'writes acknowledged', digits: 0 },
      { label: 'lost', digits: 0 },
      { label: 'twice', digits: 0 },
    ],
    rows: summaries.map(({ guard, hot, back, writes }) => [
      guard,
      hot.fault.p50,
      hot.fault.p99,
      100 * hot.fault.answered,
      100 * hot.fault.refused,
      100 * hot.fault.failed,
      100 * hot.fault.stale,
      hot.fault.oldest / 1000,
      inSeconds(back),
      writes.acknowledged,
      writes.lost,
      writes.twice,
    ]),
  }
}

/** Everyone else's P99 in the last third of the fault against that of before; null if nobody was answered. */
export function ratioOf({ others: { before, settled } }: Summary): number | null {
  return before.p99 === null || settled.p99 === null ? null : settled.p99 / before.p99
}

function inSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}

/** What the governor found and did. */
export function governorTable(summaries: readonly Summary[]): Table[] {
  const governed = summaries.filter(({ levels }) => levels !== undefined)
  if (governed.length === 0) return []
  const when = (summary: Summary, level: number) => {
    const first = summary.levels?.changes.find(
      ({ at, from, to }) => to >= level && from < level && at >= summary.plan.faultFrom,
    )
    return first === undefined ? null : (first.at - summary.plan.faultFrom) / 1000
  }
  return [
    {
      title: 'The governor: detection, levels and recovery, from the begin of the fault',
      columns: [
        { label: 'fault' },
        { label: 'found after', unit: 's', digits: 1 },
        { label: 'says' },
        { label: 'its key' },
        { label: 'share of the shard', unit: '%', digits: 0 },
        { label: 'level 1 after', unit: 's', digits: 1 },
        { label: 'level 2 after', unit: 's', digits: 1 },
        { label: 'level 3 after', unit: 's', digits: 1 },
        { label: 'cured by level', digits: 0 },
        { label: 'others healthy after it', unit: 's', digits: 1 },
        { label: 'level 0 and all as before, after the fault', unit: 's', digits: 1 },
        { label: 'steps up of other shards', digits: 0 },
      ],
      rows: governed.map(summary => {
        const { fault, plan, levels, cure, back } = summary
        const found = levels?.found
        return [
          fault,
          found === undefined ? null : (found - plan.faultFrom) / 1000,
          levels?.cause ?? 'nothing',
          levels?.key?.name ?? 'none',
          levels?.key === undefined ? null : 100 * levels.key.share,
          when(summary, 1),
          when(summary, 2),
          when(summary, 3),
          cure?.level ?? null,
          inSeconds(cure?.took),
          inSeconds(back),
          levels?.elsewhere ?? null,
        ]
      }),
    },
  ]
}

/** Rows of a table over time. */
const ROWS = 16

/** Everyone else and the hot shard over time, without protection and with the governor. */
export function timeTable(fault: FaultName, summaries: readonly Summary[]): Table[] {
  const governed = summaries.find(({ guard }) => guard === 'governor')
  const bare = summaries.find(({ guard }) => guard === 'no protection')
  if (governed === undefined || bare === undefined) return []
  const { windows } = governed.others
  const every = Math.max(1, Math.ceil(windows.length / ROWS))
  const { faultFrom } = governed.plan
  return [
    {
      title: `${fault}, over time: no protection | governor`,
      columns: [
        { label: 'from the begin of the fault', unit: 's', digits: 1 },
        { label: 'others: P50', unit: 'ms', digits: 0 },
        { label: 'P99', unit: 'ms', digits: 0 },
        { label: 'answered', unit: '%', digits: 1 },
        { label: 'hot: P99', unit: 'ms', digits: 0 },
        { label: 'answered', unit: '%', digits: 0 },
        { label: '| others: P50', unit: 'ms', digits: 0 },
        { label: 'P99', unit: 'ms', digits: 0 },
        { label: 'answered', unit: '%', digits: 1 },
        { label: 'hot: P99', unit: 'ms', digits: 0 },
        { label: 'answered', unit: '%', digits: 0 },
        { label: 'stale', unit: '%', digits: 0 },
        { label: 'oldest', unit: 's', digits: 1 },
        { label: 'level', digits: 0 },
      ],
      rows: windows.flatMap((window, i) => {
        if (i % every !== 0) return []
        const row = ({ others, hot }: Summary) => [
          others.windows[i].p50,
          others.windows[i].p99,
          100 * others.windows[i].answered,
          hot.windows[i].p99,
          100 * hot.windows[i].answered,
        ]
        const { stale, oldest } = governed.hot.windows[i]
        const level = governed.levels === undefined ? null : levelAt(governed.levels, window.from)
        return [[(window.from - faultFrom) / 1000, ...row(bare), ...row(governed), 100 * stale, oldest / 1000, level]]
      }),
    },
  ]
}

/** The figures by which two runs are compared; those that a server does not have are left out. */
export function evidenceOf(summaries: readonly Summary[], workers: number): Evidence[] {
  return summaries.flatMap(summary => {
    const { fault, guard, others, hot, healed, back, writes } = summary
    const row = { experiment: 'tail', subject: guard, workers, workload: fault }
    const rows: [metric: string, unit: string, value: number | null][] = [
      ['P99 of everyone else before', 'ms', others.before.p99],
      ['P99 of everyone else in the fault', 'ms', others.fault.p99],
      ['P99 of everyone else in its last third', 'ms', others.settled.p99],
      ['everyone else answered in the fault', '%', 100 * others.fault.answered],
      ['P99 of the hot shard in the fault', 'ms', hot.fault.p99],
      ['hot shard answered in the fault', '%', 100 * hot.fault.answered],
      ['everyone else healthy after', 's', inSeconds(healed)],
      ['as before after the fault', 's', inSeconds(back)],
      ['acknowledged writes lost', '', writes.lost],
      ['writes made twice', '', writes.twice],
    ]
    return rows.flatMap(([metric, unit, value]) =>
      value === null ? [] : [measured({ ...row, metric, unit }, [value])],
    )
  })
}
