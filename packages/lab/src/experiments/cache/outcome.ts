/** The figures of the replays as evidence, tables, charts and findings. */
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { Chart, Outcome, Table } from '@threadmap/workbench/experiment'
import { contrast, spread } from '@threadmap/workbench/statistics'
import { type CacheRound, SUBJECTS, type SubjectName } from './replay.js'

/** A trace that was replayed by a number of threads. */
export interface Replayed {
  readonly trace: { readonly name: string; readonly requests: number; readonly distinct: number }
  readonly capacity: number
  /** The entries of all caches per thread together, in as much memory as SharedCache takes. */
  readonly splitCapacity: number
  readonly valueBytes: number
  readonly threads: number
  readonly found: Readonly<Record<SubjectName, readonly CacheRound[]>>
  /** Hit ratios of simulated policies with all entries in one cache, in %, by their names. */
  readonly simulated: Readonly<Record<string, number>>
}

const METRICS: readonly [label: string, unit: string, of: (round: CacheRound) => number, digits?: number][] = [
  ['hit ratio', '%', ({ hitRatio }) => hitRatio, 1],
  ['backend calls', '', ({ backendCalls }) => backendCalls, 0],
  ['throughput', 'k requests/s', ({ rate }) => rate],
  ['P99', 'us', ({ p99 }) => p99 / 1000],
  ['memory', 'MB', ({ bytes }) => bytes / 1e6],
]
const [HIT_RATIO, CALLS, RATE, P99, MEMORY] = [0, 1, 2, 3, 4]

const count = (value: number) => Math.round(value).toLocaleString('en-US')

function workloadOf({ trace, capacity, valueBytes, threads }: Replayed): string {
  return `${trace.name}, ${count(trace.requests)} requests for ${count(trace.distinct)} keys, ${count(capacity)} entries of ${valueBytes} B, ${threads === 1 ? '1 thread' : `${threads} threads`}`
}

function values(each: Replayed, subject: SubjectName, metric: number): number[] {
  return each.found[subject].map(METRICS[metric][2])
}

function median(each: Replayed, subject: SubjectName, metric: number): number {
  return spread(values(each, subject, metric)).median
}

export function outcomeOf(replayed: readonly Replayed[]): Outcome {
  return {
    evidence: replayed.flatMap(evidenceOf),
    charts: chartsOf(replayed),
    tables: [...replayed.map(tableOf), simulatedTable(replayed)],
    findings: findingsOf(replayed),
    beliefs: [],
  }
}

function evidenceOf(each: Replayed): Evidence[] {
  const about = { experiment: 'cache', workers: each.threads, workload: workloadOf(each) }
  const rows = SUBJECTS.flatMap(subject =>
    METRICS.map(([metric, unit], at) => measured({ ...about, subject, metric, unit }, values(each, subject, at))),
  )
  const simulated = Object.entries(each.simulated).map(([name, ratio]) =>
    measured({ ...about, subject: `${name}, simulated`, metric: 'hit ratio', unit: '%' }, [ratio]),
  )
  return [...rows, ...simulated]
}

function tableOf(each: Replayed): Table {
  return {
    title: workloadOf(each),
    columns: [
      { label: 'cache' },
      { label: 'entries', digits: 0 },
      ...METRICS.map(([label, unit, , digits]) => ({
        label,
        ...(unit === '' ? {} : { unit }),
        ...(digits === undefined ? {} : { digits }),
      })),
      { label: 'backend calls saved by SharedCache', unit: '%', digits: 1 },
    ],
    rows: SUBJECTS.map(subject => [
      subject,
      subject === 'lru-cache per thread' ? each.splitCapacity : each.capacity,
      ...METRICS.map((_, at) => median(each, subject, at)),
      subject === 'SharedCache' ? null : savedBy(each, subject),
    ]),
  }
}

/** How many of the calls that a subject makes SharedCache does not make, in %. */
function savedBy(each: Replayed, subject: SubjectName): number {
  const theirs = median(each, subject, CALLS)
  return theirs === 0 ? 0 : (100 * (theirs - median(each, 'SharedCache', CALLS))) / theirs
}

function simulatedTable(replayed: readonly Replayed[]): Table {
  const traces = replayed.filter(({ threads }) => threads === replayed[0].threads)
  const names = Object.keys(replayed[0].simulated)
  return {
    title: 'Hit ratios of simulated policies, all entries in one cache',
    columns: [{ label: 'trace' }, ...names.map(label => ({ label, unit: '%', digits: 1 }))],
    rows: traces.map(each => [each.trace.name, ...names.map(name => each.simulated[name])]),
  }
}

function most(replayed: readonly Replayed[]): Replayed[] {
  const threads = Math.max(...replayed.map(each => each.threads))
  return replayed.filter(each => each.threads === threads)
}

function chartsOf(replayed: readonly Replayed[]): Chart[] {
  const shown = most(replayed)
  const { threads } = shown[0]
  const bars = (id: string, title: string, label: string, unit: string, metric: number): Chart => ({
    id,
    kind: 'bar',
    title,
    alternative: shown
      .map(
        each =>
          `${each.trace.name}: ${SUBJECTS.map(subject => `${subject} ${median(each, subject, metric).toPrecision(3)} ${unit}`).join(', ')}`,
      )
      .join('; '),
    categories: shown.map(({ trace }) => trace.name),
    y: { label, unit },
    series: SUBJECTS.map(subject => ({
      name: subject,
      values: shown.map(each => {
        const { median: y, low, high } = spread(values(each, subject, metric))
        return { y, low, high }
      }),
    })),
  })
  return [
    bars('hits', `Hit ratio, ${threads} threads, the same memory in all`, 'hit ratio', '%', HIT_RATIO),
    bars('rate', `Throughput, ${threads} threads`, 'requests', 'k/s', RATE),
    bars('p99', `P99 of a request, ${threads} threads`, 'P99', 'us', P99),
  ]
}

function findingsOf(replayed: readonly Replayed[]): string[] {
  const shared = most(replayed)
  const alone = replayed.filter(({ threads }) => threads === 1)
  const split = 'lru-cache per thread'
  const rates = (each: Replayed, subject: SubjectName) => values(each, subject, RATE)
  return [
    ...shared.map(
      each =>
        `${each.trace.name}, ${each.threads} threads: SharedCache answers ${median(each, 'SharedCache', HIT_RATIO).toFixed(1)}% of the requests, ` +
        `one lru-cache per thread with as much memory (${count(each.splitCapacity)} entries in all) ${median(each, split, HIT_RATIO).toFixed(1)}%: ${count(median(each, split, CALLS) - median(each, 'SharedCache', CALLS))} of ${count(median(each, split, CALLS))} backend calls are saved (${savedBy(each, split).toFixed(1)}%). ` +
        `LRU of all entries answers ${each.simulated.LRU.toFixed(1)}%, any policy at most ${each.simulated.optimum.toFixed(1)}%.`,
    ),
    ...alone.map(each => {
      const { ratio, differs } = contrast(rates(each, 'SharedCache'), rates(each, split))
      return `${each.trace.name}, 1 thread: SharedCache serves ${differs ? `${ratio.toFixed(2)}x as many requests a second as` : 'about as many requests a second as'} lru-cache, misses and their values included.`
    }),
    `Memory, ${shared[0].trace.name}: SharedCache ${median(shared[0], 'SharedCache', MEMORY).toFixed(1)} MB, one lru-cache per thread ${median(shared[0], split, MEMORY).toFixed(1)} MB, one behind messages ${median(shared[0], 'lru-cache behind messages', MEMORY).toFixed(1)} MB.`,
  ]
}
