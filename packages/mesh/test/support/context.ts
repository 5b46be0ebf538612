/** A context whose rows are plain, for outcomes that need no run; `leftOut` has what was left out. */
import type { MeshContext } from '#mesh/experiments/experiment.js'
import { METRICS } from '#mesh/rows/row.js'
import type { Running } from '#mesh/topology/topology.js'

export function plainContext(leftOut: string[] = []): MeshContext {
  return {
    leaveOut: (what: string, why: string) => leftOut.push(`${what}: ${why}`),
    row: (subject: Running | string, { metric, unit, value, workload }: Parameters<MeshContext['row']>[1]) => {
      const values = typeof value === 'object' ? value : undefined
      return {
        subject: typeof subject === 'string' ? subject : subject.pair.subject,
        version: '1.0',
        metric,
        unit,
        value:
          values === undefined
            ? (value as number | string)
            : [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)],
        ...(values === undefined ? {} : { values }),
        tag: 'measured',
        source: 'a test',
        date: '2026-11-27',
        ...(workload === undefined ? {} : { workload }),
      }
    },
  } as unknown as MeshContext
}

/** A subject that runs, as far as outcomes look at it. */
export function runningSubject(subject: string, lacks: Record<string, string> = {}): Running {
  return { pair: { subject }, adapter: { subject, lacks } } as unknown as Running
}

/** Whether all metrics of rows are known, with their units. */
export function unknownMetrics(rows: readonly { metric: string; unit: string }[]): string[] {
  const known: Record<string, { unit: string }> = METRICS
  return rows
    .filter(({ metric, unit }) => known[metric]?.unit !== unit)
    .map(({ metric, unit }) => `${metric} in ${unit}`)
}
