import { type Blocked, judge, rateOf } from '@threadmap/workbench/blocks'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { contrast, spread } from '@threadmap/workbench/statistics'
import { Team } from '@threadmap/workbench/threads/team'
import { FastMap, f64, string } from 'threadmap'
import { Histogram } from 'threadmap/histogram'
import { type ReaderCost, readerCost } from './locks.js'
import type { BackoffCommand, BackoffReply, BackoffSetup } from './worker.js'

/** How a thread waits for a lock before it sleeps. */
export interface Setting {
  /** The first pause, in nanoseconds; each next pause is twice as long. */
  readonly initialDelay: number
  readonly maxRetries: number
}

const GRID: { readonly quick: readonly Setting[]; readonly full: readonly Setting[] } = {
  quick: grid([100, 1000], [0, 2, 6]),
  full: grid([50, 100, 500, 1000], [0, 1, 2, 4, 6, 8]),
}

function grid(delays: readonly number[], retries: readonly number[]): Setting[] {
  // Without retries there is no delay to choose.
  return retries.flatMap(maxRetries =>
    maxRetries === 0
      ? [{ initialDelay: delays[0], maxRetries }]
      : delays.map(initialDelay => ({ initialDelay, maxRetries })),
  )
}

/** Each block has maps and threads of its own. */
const EFFORT = { quick: { blocks: 1, rounds: 3, ms: 50 }, full: { blocks: 5, rounds: 1, ms: 200 } }

/** Work without the map between two operations, in loop steps of about 5 to 10 ns (Node 20, two cores). */
const CONTENTION = [
  { name: 'low', think: 200 },
  { name: 'high', think: 0 },
] as const

export const backoff: Experiment = {
  name: 'backoff',
  title: 'How should a thread wait for a lock?',
  method:
    'All threads call getOrInsert and delete on 64 keys of a FastMap with one shard, so that every operation needs one lock. ' +
    'Each setting of initial delay and retries (each pause is twice as long as the last; after the last retry the thread sleeps) has a map of its own; the settings take turns, and the full lab begins anew five times with fresh maps and threads, by which it judges. ' +
    'With high contention threads do these operations only; with low contention they do about a microsecond of other work between two operations. stats() counts spins (pauses) and sleeps.',
  seconds: { quick: 3.5, full: 45 },
  run,
}

export interface BackoffRound {
  readonly rate: number
  readonly p99: number
  readonly spinsPerOperation: number
  readonly sleepsPerOperation: number
}

export interface Tried {
  readonly contention: string
  readonly setting: Setting
  readonly rounds: readonly BackoffRound[]
  /** Rounds with the same maps and threads. */
  readonly perBlock?: number
}

async function run(context: Context): Promise<Outcome> {
  const settings = GRID[context.quick ? 'quick' : 'full']
  const { blocks, rounds, ms } = EFFORT[context.quick ? 'quick' : 'full']
  const threads = Math.max(2, context.workers)
  const found = CONTENTION.map(() => settings.map((): BackoffRound[] => []))
  for (let block = 0; block < blocks; block++) {
    const progress = (share: number, doing: string) => context.progress((block + share) / blocks, doing)
    await measureBlock(found, { settings, threads, rounds, ms, block, progress, signal: context.signal })
  }
  const tried = CONTENTION.flatMap(({ name }, level) =>
    settings.map((setting, at): Tried => ({ contention: name, setting, rounds: found[level][at], perBlock: rounds })),
  )
  return outcomeOf(tried, threads, readerCost())
}

interface BlockOptions {
  readonly settings: readonly Setting[]
  readonly threads: number
  readonly rounds: number
  readonly ms: number
  readonly block: number
  readonly progress: Context['progress']
  readonly signal: AbortSignal
}

/** Adds a block's rounds to those of each level of contention and each setting. */
async function measureBlock(found: readonly (readonly BackoffRound[][])[], options: BlockOptions): Promise<void> {
  const { settings, threads, rounds, ms, block, progress, signal } = options
  const maps = settings.map(
    setting => new FastMap({ key: string, value: f64, shards: 1, capacity: 64, backoff: setting }),
  )
  const team = await Team.start<BackoffSetup, BackoffCommand, BackoffReply>({
    name: 'backoff',
    program: new URL('./worker.js', import.meta.url),
    members: threads,
    setup: () => ({ handles: maps.map(({ handle }) => handle) }),
    signal,
  })
  try {
    await team.ask({ map: 0, ms, think: 0 })
    const steps = CONTENTION.length * settings.length * rounds
    let step = 0
    for (let round = 0; round < rounds; round++) {
      for (const [level, { name, think }] of CONTENTION.entries()) {
        for (let turn = 0; turn < settings.length; turn++) {
          const at = (turn + round + block) % settings.length
          progress(step++ / steps, `${name} contention, ${settingText(settings[at])}`)
          const before = maps[at].stats()
          const replies = await team.ask({ map: at, ms, think })
          const after = maps[at].stats()
          const operations = replies.reduce((sum, reply) => sum + reply.operations, 0)
          const latency = Histogram.sum(replies.map(reply => reply.latency))
          found[level][at].push({
            rate: replies.reduce((sum, reply) => sum + reply.operations / reply.ms, 0) / 1000,
            p99: latency.percentile(99),
            spinsPerOperation: (after.spins - before.spins) / operations,
            sleepsPerOperation: (after.lockSleeps - before.lockSleeps) / operations,
          })
        }
      }
    }
  } finally {
    await team.stop()
    for (const map of maps) map[Symbol.dispose]()
  }
}

function settingText({ initialDelay, maxRetries }: Setting): string {
  return maxRetries === 0 ? 'sleep at once' : `${maxRetries} from ${initialDelay} ns`
}

const METRICS: readonly [string, string, keyof BackoffRound][] = [
  ['throughput', 'M/s', 'rate'],
  ['P99', 'ns', 'p99'],
  ['spins', 'per operation', 'spinsPerOperation'],
  ['sleeps', 'per operation', 'sleepsPerOperation'],
]

const rates = ({ rounds, perBlock }: Tried): Blocked => ({ rounds: rounds.map(({ rate }) => rate), perBlock })

/** The setting to take: the one that spins least, of those that cannot be told from the fastest. */
export function recommended(tried: readonly Tried[]): { choice: Tried; best: Tried; tied: readonly Tried[] } {
  const spins = (each: Tried) => spread(each.rounds.map(({ spinsPerOperation }) => spinsPerOperation)).median
  const best = [...tried].sort((a, b) => rateOf(rates(b)) - rateOf(rates(a)))[0]
  const tied = tried.filter(each => each === best || !judge(rates(best), rates(each)).differs)
  return { choice: tied.sort((a, b) => spins(a) - spins(b))[0], best, tied }
}

export function outcomeOf(tried: readonly Tried[], threads: number, readers: ReaderCost): Outcome {
  const levels = [...new Set(tried.map(({ contention }) => contention))]
  const names = [...new Set(tried.map(({ setting }) => settingText(setting)))]
  const median = (each: Tried, name: keyof BackoffRound) => spread(each.rounds.map(round => round[name])).median
  const evidence: Evidence[] = tried.flatMap(each =>
    METRICS.map(([metric, unit, name]) =>
      measured(
        {
          experiment: 'backoff',
          subject: settingText(each.setting),
          workers: threads,
          workload: `getOrInsert and delete of 64 keys, one shard, ${each.contention} contention`,
          metric,
          unit,
        },
        each.rounds.map(round => round[name]),
      ),
    ),
  )
  const locks: [string, readonly number[]][] = [
    ['RWMutex.rlock', readers.direct],
    ['CompatRWMutex.reader.lock', readers.behind],
  ]
  for (const [subject, values] of locks) {
    const row = { experiment: 'backoff', subject, workers: 1, workload: 'take and give back a share, uncontended' }
    evidence.push(measured({ ...row, metric: 'time', unit: 'ns' }, values))
  }
  const of = (level: string) => tried.filter(({ contention }) => contention === level)
  return {
    evidence,
    charts: levels.map(level => ({
      id: `throughput-${level}`,
      kind: 'bar' as const,
      title: `Throughput by back-off, ${level} contention`,
      alternative: of(level)
        .map(each => `${settingText(each.setting)}: ${median(each, 'rate').toFixed(2)} M/s`)
        .join('; '),
      categories: names,
      y: { label: 'throughput', unit: 'M/s' },
      series: [
        {
          name: `${level} contention`,
          values: of(level).map(({ rounds }) => {
            const { median, low, high } = spread(rounds.map(({ rate }) => rate))
            return { y: median, low, high }
          }),
        },
      ],
    })),
    tables: [
      {
        title: `${threads} threads, one lock`,
        columns: [{ label: 'contention' }, { label: 'pauses' }, ...METRICS.map(([label, unit]) => ({ label, unit }))],
        rows: tried.map(each => [
          each.contention,
          settingText(each.setting),
          ...METRICS.map(([, , name]) => median(each, name)),
        ]),
      },
      {
        title: 'A reader locks and unlocks its share, uncontended',
        columns: [{ label: 'lock' }, { label: 'time', unit: 'ns' }],
        rows: locks.map(([name, values]) => [name, spread(values).median]),
      },
    ],
    findings: levels.map(level => {
      const { choice, best } = recommended(of(level))
      const { initialDelay, maxRetries } = choice.setting
      const tie =
        choice === best
          ? ''
          : `, within the noise of the fastest (${settingText(best.setting)}, ${median(best, 'rate').toFixed(2)}) and spinning less`
      return `With ${level} contention: backoff: { initialDelay: ${initialDelay}, maxRetries: ${maxRetries} } (${median(choice, 'rate').toFixed(2)} M/s${tie}).`
    }),
    conclusions: levels.map(level => {
      const { choice, tied } = recommended(of(level))
      const others = tied.filter(each => each !== choice).map(({ setting }) => settingText(setting))
      return { question: `the back-off, ${level} contention`, answer: settingText(choice.setting), tied: others }
    }),
    beliefs: [helps(tried), behindMutex(readers)],
    details: { recommended: levels.map(level => ({ contention: level, ...recommended(of(level)).choice.setting })) },
  }
}

/** Belief 8: the cost for readers of the mutex's interface in front of a RWMutex. */
function behindMutex({ direct, behind }: ReaderCost): BeliefFinding {
  const { ratio, differs } = contrast(behind, direct)
  return {
    belief: 8,
    verdict: differs && ratio > 1 ? 'does not hold' : 'holds',
    measured: `a reader's share costs ${spread(behind).median.toFixed(0)} ns behind the mutex's interface and ${spread(direct).median.toFixed(0)} ns without (x${ratio.toFixed(2)})`,
  }
}

/** Belief 7: pausing against sleeping at once, with high contention. */
function helps(tried: readonly Tried[]): BeliefFinding {
  const high = tried.filter(({ contention }) => contention === 'high')
  const without = high.find(({ setting }) => setting.maxRetries === 0) as Tried
  const withPauses = recommended(high.filter(({ setting }) => setting.maxRetries > 0)).best
  const { ratio, differs } = judge(rates(withPauses), rates(without))
  return {
    belief: 7,
    verdict: !differs ? 'cannot tell' : ratio > 1 ? 'holds' : 'does not hold',
    measured: `with high contention the best back-off (${settingText(withPauses.setting)}) is ${ratio.toFixed(2)}x as fast as going to sleep at once`,
  }
}
