import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { contrast, spread } from '@threadmap/workbench/statistics'
import { createMap, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import type { CollectorFigures } from '@threadmap/workbench/subjects/protocol'
import { PRIVATE, type Subject, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { together } from '@threadmap/workbench/threads/collector'
import { Team } from '@threadmap/workbench/threads/team'
import { json, string } from 'threadmap'
import { Histogram, type HistogramHandle } from 'threadmap/histogram'
import type { CachedResult, LifetimeClass, LifetimeCommand, LifetimeReply, LifetimeSetup } from './worker.js'

/**
 * How long a cached result is valid: from 50 ms to 5 s, as the belief says. The quick lab has no 5 s for each subject, so it
 * divides all times by ten.
 */
const EFFORT = {
  quick: { rounds: 2, ms: 700, scale: 0.1 },
  full: { rounds: 3, ms: 8000, scale: 1 },
}
const VALID_MS = [50, 5000] as const

const CLASSES: readonly LifetimeClass[] = ['request', 'result', 'configuration']

export const lifetime: Experiment = {
  name: 'lifetime',
  title: 'How long do objects live, and what does that cost the collector?',
  method:
    'Threads serve requests: each request makes a few objects and drops them, most use a result that is cached for 50 ms to 5 s (the quick lab divides all times by ten), and ' +
    'a little configuration stays and is seldom replaced. Results are cached in a plain Map per thread, or in a shared map as JSON. Times in use are counted by class of objects, ' +
    'ages of sampled objects at their collection by FinalizationRegistry, collections and pauses by V8 GCProfiler, young and old generation apart.',
  seconds: { quick: 5, full: 120 },
  run,
}

export interface Served {
  readonly requestsPerSecond: number
  readonly seconds: number
  readonly collector: CollectorFigures
  readonly used: Readonly<Record<LifetimeClass, Histogram>>
  readonly collected: Histogram
  readonly heapBytes: number
}

export interface Lived {
  readonly subject: Subject
  readonly rounds: readonly Served[]
}

async function run(context: Context): Promise<Outcome> {
  const { rounds, ms, scale } = EFFORT[context.quick ? 'quick' : 'full']
  const kinds = context.quick ? (['FastMap'] as const) : SAFE_KINDS
  const subjects: Subject[] = [PRIVATE, ...kinds.map(sharedSubject)]
  const found = subjects.map((): Served[] => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const at = (turn + round) % subjects.length
      context.progress((round * subjects.length + turn) / (rounds * subjects.length), subjects[at].name)
      found[at].push(await serveFor(subjects[at], context, ms, scale))
    }
  }
  return outcomeOf(
    subjects.map((subject, at) => ({ subject, rounds: found[at] })),
    scale,
    context.workers,
  )
}

/** One round with threads of its own, because the state of a heap would affect the next round. */
async function serveFor(subject: Subject, context: Context, ms: number, scale: number): Promise<Served> {
  const map =
    subject.kind === undefined ? undefined : createMap(subject.kind, { key: string, value: json<CachedResult>() })
  const team = await Team.start<LifetimeSetup, LifetimeCommand, LifetimeReply>({
    name: subject.name,
    program: new URL('./worker.js', import.meta.url),
    members: context.workers,
    setup: () => ({ handle: map?.handle, seed: context.seed }),
    signal: context.signal,
  })
  try {
    const validMs = [VALID_MS[0] * scale, VALID_MS[1] * scale] as const
    const replies = await team.ask({ ms, validMs })
    const merged = (of: (reply: LifetimeReply) => HistogramHandle) => Histogram.sum(replies.map(of))
    return {
      requestsPerSecond: replies.reduce((sum, { requests, ms }) => sum + (requests / ms) * 1000, 0),
      seconds: Math.max(...replies.map(({ ms }) => ms)) / 1000,
      collector: together(replies.map(({ collector }) => collector)),
      used: {
        request: merged(({ used }) => used.request),
        result: merged(({ used }) => used.result),
        configuration: merged(({ used }) => used.configuration),
      },
      collected: merged(({ collected }) => collected),
      heapBytes: replies.reduce((sum, { heapBytes }) => sum + heapBytes, 0),
    }
  } finally {
    await team.stop()
    map?.[Symbol.dispose]()
  }
}

/** The shares of objects that were in use for less than the shortest validity, up to the longest, and for longer. */
export function sharesOf(used: Readonly<Record<LifetimeClass, Histogram>>, scale: number): [number, number, number] {
  const all = Histogram.sum(CLASSES.map(name => used[name]))
  const below = (ms: number) => all.shareBelow(ms * scale * 1e6)
  const short = below(VALID_MS[0])
  const medium = below(VALID_MS[1]) - short
  return [short * 100, medium * 100, (1 - short - medium) * 100]
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

const METRICS: readonly [string, string, (round: Served) => number][] = [
  ['requests', 'k per second', ({ requestsPerSecond }) => requestsPerSecond / 1000],
  ['young collections', 'per second', ({ collector, seconds }) => collector.young / seconds],
  ['old collections', 'per second', ({ collector, seconds }) => collector.old / seconds],
  ['pause', 'ms per second', ({ collector, seconds }) => sum(collector.pauses) / seconds],
  ['longest pause', 'ms', ({ collector }) => Math.max(0, ...collector.pauses)],
  ['allocated', 'MB per second', ({ collector, seconds }) => collector.allocatedBytes / seconds / 1e6],
  ['heap at the end', 'MB', ({ heapBytes }) => heapBytes / 1e6],
  ['age when collected, median', 'ms', ({ collected }) => collected.percentile(50) / 1e6],
]

export function outcomeOf(lived: readonly Lived[], scale: number, workers: number): Outcome {
  const times = scale === 1 ? '' : ` (all times x ${scale})`
  const about = {
    experiment: 'lifetime',
    workers,
    workload: `requests, results cached for 50 ms to 5 s, configuration${times}`,
  }
  const groups = [`under ${VALID_MS[0] * scale} ms`, `up to ${VALID_MS[1] * scale} ms`, 'longer']
  const shares = lived.map(({ rounds }) => rounds.map(({ used }) => sharesOf(used, scale)))
  const evidence: Evidence[] = lived.flatMap(({ subject, rounds }, at) => [
    ...METRICS.flatMap(([metric, unit, of]) => {
      // If the collector never ran, no object has an age.
      const values = rounds.map(of).filter(Number.isFinite)
      return values.length === 0 ? [] : [measured({ ...about, subject: subject.name, metric, unit }, values)]
    }),
    ...groups.map((group, n) =>
      measured(
        { ...about, subject: subject.name, metric: `objects in use ${group}`, unit: '%' },
        shares[at].map(each => each[n]),
      ),
    ),
  ])
  const median = (each: Lived, metric: number) =>
    spread(each.rounds.map(METRICS[metric][2]).filter(Number.isFinite)).median
  const plain = lived[0]
  const fast = lived.find(({ subject }) => subject.kind === 'FastMap') as Lived
  const pauses = contrast(fast.rounds.map(METRICS[3][2]), plain.rounds.map(METRICS[3][2]))
  const first = shares[0].map(each => each)
  const share = groups.map((_, n) => spread(first.map(each => each[n])).median)
  return {
    evidence,
    charts: [
      {
        id: 'shares',
        kind: 'bar',
        title: `How long objects are in use${times}`,
        alternative: groups.map((group, n) => `${group}: ${share[n].toFixed(1)}%`).join('; '),
        categories: groups,
        y: { label: 'objects', unit: '%' },
        series: lived.map(({ subject }, at) => ({
          name: subject.name,
          values: groups.map((_, n) => ({ y: spread(shares[at].map(each => each[n])).median })),
        })),
      },
      {
        id: 'collections',
        kind: 'bar',
        title: 'Collections, young and old generation',
        alternative: lived
          .map(
            each =>
              `${each.subject.name}: ${median(each, 1).toFixed(1)} young, ${median(each, 2).toFixed(1)} old per second`,
          )
          .join('; '),
        categories: lived.map(({ subject }) => subject.name),
        y: { label: 'collections', unit: 'per second' },
        series: [
          { name: 'young', values: lived.map(each => ({ y: median(each, 1) })) },
          { name: 'old', values: lived.map(each => ({ y: median(each, 2) })) },
        ],
      },
    ],
    tables: [
      {
        title: about.workload,
        columns: [{ label: 'results in' }, ...METRICS.map(([label, unit]) => ({ label, unit }))],
        rows: lived.map(each => [each.subject.name, ...METRICS.map((_, at) => median(each, at))]),
      },
    ],
    findings: [
      `Of all objects ${share[0].toFixed(1)}% are in use for less than ${VALID_MS[0] * scale} ms, ${share[1].toFixed(1)}% up to ${VALID_MS[1] * scale} ms, ${share[2].toFixed(1)}% longer.`,
      `With results in a plain Map per thread the collector ran ${median(plain, 1).toFixed(1)} young and ${median(plain, 2).toFixed(1)} old collections in a second, ` +
        `in a FastMap ${median(fast, 1).toFixed(1)} and ${median(fast, 2).toFixed(1)}; the pauses ${pauses.differs ? `were ${pauses.ratio.toFixed(2)}x as long in all` : 'do not differ beyond the noise'}.`,
    ],
    beliefs: [
      {
        belief: 11,
        verdict: 'cannot tell',
        measured:
          `this load has ${share[0].toFixed(0)}% short, ${share[1].toFixed(0)}% medium and ${share[2].toFixed(0)}% long lifetimes, which follows from the load itself; ` +
          'V8 has no tenuring threshold that could fall: an object that survives its second young collection is old',
      },
    ],
  }
}
