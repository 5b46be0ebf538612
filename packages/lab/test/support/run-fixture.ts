import type { Evidence, FailedRecord, FinishedRecord, RunDocument } from '@threadmap/lab'
import { outcomeOf } from '#lab/experiments/mix/index.js'
import { plantedCells } from './mix-fixture.js'

/** A name that would do harm in a page that does not escape it, in text, attributes, JSON or scripts. */
export const HOSTILE = `</script><script>hacked=1</script><img src=x onerror=hacked=1>"'\`\${1}<!-- &amp; <b>`

/** A run in which every kind of chart has values that a test knows. */
export function runFixture({ name = 'alpha', speed = 1, id = 'fixture' } = {}): RunDocument {
  return {
    format: 'threadmap-lab',
    version: 2,
    id,
    startedAt: '2026-01-02T03:04:05.000Z',
    machine: { cpu: 'Test CPU', cores: 2, memoryBytes: 2 ** 33, platform: 'linux-x64', node: 'v20.0.0', v8: '11' },
    settings: { quick: false, workers: 2, seed: 1, flags: { target: 'http://127.0.0.1:1' } },
    experiments: [planted(name, speed), mix(), broken],
  }
}

function row(subject: string, rounds: readonly number[], unit = 'M/s'): Evidence {
  const sorted = [...rounds].sort((a, b) => a - b)
  const spread = { median: sorted[2], low: sorted[1], high: sorted[3], rounds }
  const about = { experiment: 'planted', workers: 2, workload: 'all', metric: 'figure', known: 'measured' } as const
  return { ...about, subject, value: sorted[2], unit, spread }
}

function planted(name: string, speed: number): FinishedRecord {
  const times = (values: readonly number[], by: number) => values.map(value => value * by)
  return {
    name: 'planted',
    title: 'Planted',
    method: 'By hand.',
    startedAt: '2026-01-02T03:04:05.000Z',
    seconds: 61,
    cpuSeconds: 30,
    leftOut: [{ what: 'sharedmap', why: 'it is not installed' }],
    status: 'finished',
    evidence: [
      row('FastMap', times([10, 10.1, 9.9, 10, 10.05], speed)),
      row('pause', times([10, 10.1, 9.9, 10, 10.05], speed), 'ms'),
      // A second median within the quartiles of the first.
      row('SyncMap', speed === 1 ? [5, 8, 10, 12, 15] : [5, 8, 11, 12, 15]),
    ],
    charts: [
      {
        id: 'bars',
        kind: 'bar',
        title: 'Bars',
        alternative: 'alpha 10, beta 40, gamma 20, delta has none',
        categories: [name, 'beta', 'gamma', 'delta', 'as long as can'],
        y: { label: 'throughput', unit: 'operations per ms' },
        series: [
          {
            name: 'FastMap',
            values: [
              { y: 10, low: 8, high: 12 },
              { y: 40 },
              { y: 20, low: Number.NaN, high: Number.NaN },
              null,
              { y: -10 },
            ],
          },
        ],
      },
      {
        id: 'curves',
        kind: 'line',
        title: 'Curves',
        alternative: 'FastMap rises to 40 at 2 and falls; SyncMap stays at 11',
        x: { label: 'clients', unit: '', scale: 'log' },
        y: { label: 'throughput', unit: 'M/s' },
        series: [
          {
            name: name === 'alpha' ? 'FastMap' : name,
            points: [
              { x: 1, y: 10, low: 9, high: 11 },
              { x: 2, y: 40 },
              { x: 8, y: 20 },
            ],
          },
          {
            name: 'SyncMap',
            points: [
              { x: 1, y: 11 },
              { x: 2, y: 11 },
              { x: 4, y: 11 },
            ],
          },
        ],
        marks: [{ x: 2, label: 'knee' }],
      },
      {
        id: 'heat',
        kind: 'heat',
        title: 'Heat',
        alternative: 'from 0 to 100 per cent; one cell has no value',
        columns: ['a', 'b'],
        rows: ['row 1', 'row 2'],
        value: { label: 'share', unit: '%' },
        cells: [
          [0, 50],
          [100, null],
        ],
      },
    ],
    tables: [
      {
        title: 'Table',
        columns: [{ label: 'what' }, { label: 'figure', unit: 'ns' }],
        rows: [
          [name, 12.345],
          ['none', null],
        ],
      },
    ],
    findings: [`The first finding is about ${name}.`, 'The second is not.'],
    beliefs: [
      { belief: 10, verdict: 'does not hold', measured: '1.2 times' },
      { belief: 7, verdict: 'holds', measured: 'three times as fast' },
    ],
  }
}

function mix(): FinishedRecord {
  const outcome = outcomeOf(plantedCells({ seed: 1, noise: 0.02 }))
  return {
    name: 'mix',
    title: 'Which map?',
    method: 'By rule.',
    startedAt: '2026-01-02T03:05:05.000Z',
    seconds: 2,
    cpuSeconds: 2,
    leftOut: [],
    status: 'finished',
    ...outcome,
    // The beliefs are the planted experiment's.
    beliefs: [],
  }
}

const broken: FailedRecord = {
  name: 'broken',
  title: 'It broke',
  method: 'By breaking.',
  startedAt: '2026-01-02T03:06:05.000Z',
  seconds: 1,
  cpuSeconds: 1,
  leftOut: [],
  status: 'failed',
  reason: 'the server hung',
}
