/** Rows as a run would have them, made from a seed. */

import { metricOf } from '#mesh/rows/metrics.js'
import type { MeshRow } from '#mesh/rows/row.js'

/** A generator of numbers in [0, 1) that a seed determines. */
export function random(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A measured row whose rounds scatter around `middle` by `noise` (relative). */
export function measuredRow(
  subject: string,
  metric: string,
  middle: number,
  { rounds = 7, noise = 0.02, seed = 1, workload = 'HTTP/1.1, 500 requests/s' } = {},
): MeshRow {
  const next = random(seed + subject.length * 7919 + metric.length * 104729 + subject.charCodeAt(0) * 31)
  const values = Array.from({ length: rounds }, () => middle * (1 + noise * (next() + next() - 1)))
  const sorted = [...values].sort((a, b) => a - b)
  return {
    subject,
    version: '1.0',
    metric,
    unit: metricOf(metric)!.unit,
    value: sorted[Math.floor(sorted.length / 2)],
    values,
    interval: { low: sorted[Math.floor(sorted.length / 4)], high: sorted[Math.floor((sorted.length * 3) / 4)] },
    tag: 'measured',
    source: 'a test',
    date: '2026-11-27',
    workload,
  }
}

/** A measured answer in words. */
export function wordsRow(subject: string, metric: string, value: string): MeshRow {
  return { subject, version: '1.0', metric, unit: '', value, tag: 'measured', source: 'a test', date: '2026-11-27' }
}

/** A supplied yes or no. */
export function suppliedRow(subject: string, metric: string, value: string, version = 'any'): MeshRow {
  return { subject, version, metric, unit: '', value, tag: 'supplied', source: 'a file', date: '2026-11-20' }
}
