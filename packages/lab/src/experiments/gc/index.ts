import { type Blocked, judge } from '@threadmap/workbench/blocks'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { quantile, spread } from '@threadmap/workbench/statistics'
import { SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { MESSAGES, PRIVATE, type Subject, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { type RoundFigures, SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { type Workload, workloadText } from '@threadmap/workbench/workload'
import type { SyncMapStats } from 'threadmap'
import { type PromotionFacts, promotionFacts } from './sync-map.js'

const EFFORT = {
  quick: { blocks: 1, rounds: 3, ms: 150, keys: 4096, promotionEntries: 5000 },
  full: { blocks: 5, rounds: 1, ms: 800, keys: 16_384, promotionEntries: 50_000 },
}

/** Text values, since numbers hardly occupy the collector: each read makes a string of 64 characters. */
const VALUE_BYTES = 64

/** Shares of writes, all of them of keys that come and go: by the folklore they make SyncMap's misses explode. */
const WRITE_SHARES = [1, 10, 50, 90]

export const gc: Experiment = {
  name: 'gc',
  title: 'What does each map ask of the garbage collector?',
  method:
    'Every thread of a subject watches its own collector (V8 GCProfiler) while it does 90% reads and 10% writes of 64-byte strings. ' +
    'Allocated bytes are the bytes in use before a collection, less the bytes in use after the last. The full lab begins anew five times, with fresh maps and threads. Then SyncMap is measured with more and ' +
    'more writes of keys that come and go: misses, promotions and copied entries from stats(), beside the pauses. A second, untimed ' +
    'part counts on one thread when dirty becomes read, and how many entries are copied then.',
  seconds: { quick: 6, full: 105 },
  run,
}

/** One subject's rounds. */
interface Watched {
  readonly subject: Subject
  readonly rounds: readonly RoundFigures[]
}

/** SyncMap at one share of writes. */
export interface Churned {
  readonly writes: number
  readonly rounds: readonly ChurnRound[]
  /** Rounds with the same map and threads. */
  readonly perBlock?: number
}

export interface ChurnRound {
  readonly writesPerSecond: number
  readonly missesPerSecond: number
  readonly promotionsPerSecond: number
  readonly copiedPerSecond: number
  /** Pauses of the collectors of all threads together, in ms per second. */
  readonly pausePerSecond: number
}

async function run(context: Context): Promise<Outcome> {
  const { blocks, rounds, ms, keys, promotionEntries } = EFFORT[context.quick ? 'quick' : 'full']
  const workload: Workload = { keys, reads: 90, zipf: 0, threads: context.workers, valueBytes: VALUE_BYTES, churn: 0 }
  const list = sharedOperations(workload, context.seed)
  const subjects = [...SAFE_KINDS.map(sharedSubject), PRIVATE, MESSAGES]
  const figures = subjects.map((): RoundFigures[] => [])
  const steps = blocks * rounds * (subjects.length + WRITE_SHARES.length)
  let step = 0
  const progress = (doing: string) => context.progress(step++ / steps, doing)
  const churned: Churned[] = WRITE_SHARES.map(writes => ({ writes, rounds: [], perBlock: rounds }))
  for (let block = 0; block < blocks; block++) {
    await watchBlock(context, { subjects, workload, list, rounds, ms, block, progress }, figures)
    const these = await churn(context, workload, { rounds, ms, progress })
    for (const [at, each] of these.entries()) {
      churned[at] = { ...churned[at], rounds: [...churned[at].rounds, ...each] }
    }
  }
  const watched = subjects.map((subject, at) => ({ subject, rounds: figures[at] }))
  return outcomeOf(watched, churned, promotionFacts(promotionEntries), workload)
}

interface BlockOptions {
  readonly subjects: readonly Subject[]
  readonly workload: Workload
  readonly list: readonly Uint32Array[]
  readonly rounds: number
  readonly ms: number
  readonly block: number
  readonly progress: (doing: string) => void
}

/** Adds the rounds of a block to those of each subject. */
async function watchBlock(context: Context, options: BlockOptions, figures: readonly RoundFigures[][]): Promise<void> {
  const { subjects, workload, list, rounds, ms, block, progress } = options
  const teams: SubjectTeam[] = []
  try {
    for (const subject of subjects) {
      const team = await SubjectTeam.start({ subject, threads: context.workers, signal: context.signal })
      teams.push(team)
      await team.prepare(workload, list)
    }
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < teams.length; turn++) {
        const at = (turn + round + block) % teams.length
        progress(teams[at].subject.name)
        figures[at].push(await teams[at].round({ ms, collector: true, warmUpMs: round === 0 ? ms / 4 : 5 }))
      }
    }
  } finally {
    await Promise.all(teams.map(team => team.stop()))
  }
}

/** A block of SyncMap's rounds, for each share of writes. */
async function churn(
  context: Context,
  base: Workload,
  { rounds, ms, progress }: Pick<BlockOptions, 'rounds' | 'ms' | 'progress'>,
): Promise<ChurnRound[][]> {
  const team = await SubjectTeam.start({
    subject: sharedSubject('SyncMap'),
    threads: context.workers,
    signal: context.signal,
  })
  try {
    const found: ChurnRound[][] = []
    for (const writes of WRITE_SHARES) {
      const workload = { ...base, reads: 100 - writes, churn: 100 }
      await team.prepare(workload, sharedOperations(workload, context.seed))
      const these: ChurnRound[] = []
      for (let round = 0; round < rounds; round++) {
        progress(`SyncMap, ${writes}% writes`)
        const before = team.map?.stats() as SyncMapStats
        const began = performance.now()
        const { collector, operations, seconds } = await team.round({ ms, collector: true })
        const after = team.map?.stats() as SyncMapStats
        // The counters include the warm-up, so they are divided by the time with the warm-up.
        const elapsed = (performance.now() - began) / 1000
        these.push({
          writesPerSecond: ((operations / seconds) * writes) / 100,
          missesPerSecond: (after.misses - before.misses) / elapsed,
          promotionsPerSecond: (after.promotions - before.promotions) / elapsed,
          copiedPerSecond: (after.entriesCopied - before.entriesCopied) / elapsed,
          pausePerSecond: sum(collector?.pauses ?? []) / seconds,
        })
      }
      found.push(these)
    }
    return found
  } finally {
    await team.stop()
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

const METRICS: readonly [string, string, (round: RoundFigures) => number][] = [
  ['allocated', 'B per operation', ({ collector, operations }) => (collector?.allocatedBytes ?? 0) / operations],
  [
    'collections',
    'per million operations',
    ({ collector, operations }) => (((collector?.young ?? 0) + (collector?.old ?? 0)) / operations) * 1e6,
  ],
  [
    'old-generation collections',
    'per million operations',
    ({ collector, operations }) => ((collector?.old ?? 0) / operations) * 1e6,
  ],
  ['pause', 'ms per second', ({ collector, seconds }) => sum(collector?.pauses ?? []) / seconds],
  ['longest pause', 'ms', ({ collector }) => Math.max(0, ...(collector?.pauses ?? []))],
  ['throughput', 'M/s', ({ rate }) => rate],
]

export function outcomeOf(
  watched: readonly Watched[],
  churned: readonly Churned[],
  facts: PromotionFacts,
  workload: Workload,
): Outcome {
  const about = { experiment: 'gc', workers: workload.threads }
  const evidence: Evidence[] = watched.flatMap(({ subject, rounds }) =>
    METRICS.map(([metric, unit, of]) =>
      measured({ ...about, subject: subject.name, workload: workloadText(workload), metric, unit }, rounds.map(of)),
    ),
  )
  const churnMetrics: [string, keyof ChurnRound, string][] = [
    ['writes', 'writesPerSecond', 'per second'],
    ['misses', 'missesPerSecond', 'per second'],
    ['promotions', 'promotionsPerSecond', 'per second'],
    ['entries copied', 'copiedPerSecond', 'per second'],
    ['pause', 'pausePerSecond', 'ms per second'],
  ]
  const churnValues = ({ rounds }: Churned, metric: keyof ChurnRound) => rounds.map(round => round[metric])
  for (const each of churned) {
    for (const [metric, name, unit] of churnMetrics) {
      const row = { ...about, subject: 'SyncMap', workload: `${each.writes}% writes, all of keys that come and go` }
      evidence.push(measured({ ...row, metric, unit }, churnValues(each, name)))
    }
  }
  const median = (at: Watched, metric: number) => spread(at.rounds.map(METRICS[metric][2])).median
  const allocated = (at: Watched) => median(at, 0)
  const least = [...watched].sort((a, b) => allocated(a) - allocated(b))
  const plain = watched.find(({ subject }) => subject === PRIVATE) as Watched
  return {
    evidence,
    charts: [
      {
        id: 'allocated',
        kind: 'bar',
        title: 'Bytes allocated on the JavaScript heap per operation',
        alternative: watched.map(each => `${each.subject.name}: ${allocated(each).toFixed(0)} B`).join('; '),
        categories: watched.map(({ subject }) => subject.name),
        y: { label: 'allocated', unit: 'B per operation' },
        series: [{ name: workloadText(workload), values: watched.map(bar(0)) }],
      },
      {
        id: 'pause',
        kind: 'bar',
        title: 'Pauses of the collector, all threads together',
        alternative: watched
          .map(each => `${each.subject.name}: ${median(each, 3).toFixed(1)} ms per second`)
          .join('; '),
        categories: watched.map(({ subject }) => subject.name),
        y: { label: 'pause', unit: 'ms per second' },
        series: [{ name: workloadText(workload), values: watched.map(bar(3)) }],
      },
      {
        id: 'sync-map',
        kind: 'line',
        title: 'SyncMap: misses, promotions and copied entries as new keys are written more often',
        alternative: churned
          .map(
            each =>
              `${each.writes}% writes: ${spread(churnValues(each, 'missesPerSecond')).median.toFixed(0)} misses/s`,
          )
          .join('; '),
        x: { label: 'writes', unit: '%' },
        y: { label: 'per second', unit: '', scale: 'log' },
        series: (['missesPerSecond', 'promotionsPerSecond', 'copiedPerSecond'] as const).map(name => ({
          name: name.replace('PerSecond', ''),
          points: churned.map(each => {
            const { median, low, high } = spread(churnValues(each, name))
            return { x: each.writes, y: median, low, high }
          }),
        })),
      },
    ],
    tables: [
      {
        title: workloadText(workload),
        columns: [{ label: 'subject' }, ...METRICS.map(([label, unit]) => ({ label, unit }))],
        rows: watched.map(each => [each.subject.name, ...METRICS.map((_, at) => median(each, at))]),
      },
      {
        title: 'SyncMap, keys that come and go',
        columns: [{ label: 'writes', unit: '%' }, ...churnMetrics.map(([label, , unit]) => ({ label, unit }))],
        rows: churned.map(each => [
          each.writes,
          ...churnMetrics.map(([, name]) => spread(churnValues(each, name)).median),
        ]),
      },
    ],
    findings: [
      `${least[0].subject.name} allocates the least, ${allocated(least[0]).toFixed(0)} bytes an operation; ${least[least.length - 1].subject.name} the most, ${allocated(least[least.length - 1]).toFixed(0)}. ` +
        'A shared map decodes each value that is read into a new string; a plain Map returns the string that it has.',
      `The collector paused a plain Map per thread ${median(plain, 3).toFixed(1)} ms in each second, and the shared maps ` +
        `${watched
          .filter(({ subject }) => subject.type === 'shared')
          .map(each => `${each.subject.name} ${median(each, 3).toFixed(1)}`)
          .join(', ')}.`,
      `SyncMap's dirty became read after ${facts.missesToPromote} misses with ${facts.dirtyLength} entries in it; this copied ${facts.copiedByPromotion} entries, and the next new key ${facts.copiedByNextKey}.`,
    ],
    beliefs: [promotes(facts), copies(facts), explodes(churned)],
    details: { promotion: facts },
  }
}

function bar(metric: number): (watched: Watched) => { y: number; low: number; high: number } {
  return ({ rounds }) => {
    const { median, low, high } = spread(rounds.map(METRICS[metric][2]))
    return { y: median, low, high }
  }
}

function promotes({ missesToPromote, dirtyLength }: PromotionFacts): BeliefFinding {
  return {
    belief: 2,
    verdict: missesToPromote === dirtyLength ? 'holds' : 'does not hold',
    measured: `promoted at miss ${missesToPromote} with ${dirtyLength} entries in dirty`,
  }
}

/** Belief 3: SyncMap does copy, but the next new key causes the copy, and the copy makes no object per entry here. */
function copies({ copiedByPromotion, copiedByNextKey, entries, heapBytesPerCopy }: PromotionFacts): BeliefFinding {
  const copiesAll = copiedByPromotion >= entries * 0.9
  return {
    belief: 3,
    verdict: copiesAll && heapBytesPerCopy >= 8 ? 'holds' : 'does not hold',
    measured:
      `the promotion copied ${copiedByPromotion} of ${entries} entries, the first new key after it ${copiedByNextKey}; ` +
      `the JavaScript heap grew by ${Math.max(0, heapBytesPerCopy).toFixed(2)} bytes for each`,
  }
}

function explodes(churned: readonly Churned[]): BeliefFinding {
  const first = churned[0]
  const last = churned[churned.length - 1]
  const values = (each: Churned, name: keyof ChurnRound) => each.rounds.map(round => round[name])
  const blocked = (each: Churned, name: keyof ChurnRound): Blocked => ({
    rounds: values(each, name).map(above),
    perBlock: each.perBlock,
  })
  const misses = judge(blocked(last, 'missesPerSecond'), blocked(first, 'missesPerSecond'))
  const pause = judge(blocked(last, 'pausePerSecond'), blocked(first, 'pausePerSecond'))
  const verdict = misses.differs && misses.ratio > 2 && pause.differs && pause.ratio > 2
  const rate = (each: Churned, name: keyof ChurnRound) => quantile(values(each, name), 0.5)
  return {
    belief: 4,
    verdict: verdict ? 'holds' : misses.differs || pause.differs ? 'does not hold' : 'cannot tell',
    measured:
      `from ${grouped(rate(first, 'writesPerSecond'))} to ${grouped(rate(last, 'writesPerSecond'))} writes/s, misses go from ` +
      `${grouped(rate(first, 'missesPerSecond'))} to ${grouped(rate(last, 'missesPerSecond'))}/s (x${misses.ratio.toFixed(1)}), ` +
      `the collector's pauses from ${rate(first, 'pausePerSecond').toFixed(2)} to ${rate(last, 'pausePerSecond').toFixed(2)} ms/s (x${pause.ratio.toFixed(1)})`,
  }
}

/** The smallest divisor in a ratio, in ms or misses per second, so that no ratio divides by zero. */
function above(value: number): number {
  return Math.max(value, 0.001)
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
