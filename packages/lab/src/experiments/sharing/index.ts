import { type Blocked, judge } from '@threadmap/workbench/blocks'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { Context, Experiment, Outcome, Verdict } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { Team } from '@threadmap/workbench/threads/team'
import { type CacheMisses, missesDuring, perfCounts } from './perf.js'
import type { SharingCommand, SharingReply, SharingSetup } from './worker.js'

/** A placement of the two threads' words. */
interface Placement {
  readonly name: string
  /** Bytes between the words; undefined: the second thread rests. */
  readonly apart: number | undefined
}

/**
 * A cache line has 64 bytes on x86-64 and most arm64, and 128 on Apple's processors. x86-64 fetches lines in pairs, so that
 * words 64 bytes apart disturb each other a little.
 */
const PLACEMENTS: readonly Placement[] = [
  { name: 'the same word', apart: 0 },
  { name: 'the same line', apart: 4 },
  { name: '64 bytes apart', apart: 64 },
  { name: '128 bytes apart', apart: 128 },
  { name: '256 bytes apart', apart: 256 },
  { name: 'alone', apart: undefined },
]
const SAME_LINE = PLACEMENTS[1]
const FAR = PLACEMENTS[4]
const ALONE = PLACEMENTS[5]

/** Both words away from the beginning of the page. */
const FIRST_WORD = 1024
const THREADS = 2

/** Each block has a memory and threads of its own. */
const EFFORT = { quick: { blocks: 1, rounds: 5, ms: 50 }, full: { blocks: 5, rounds: 3, ms: 150 } }

export const sharing: Experiment = {
  name: 'sharing',
  title: 'What does it cost when two threads write to the same cache line?',
  method:
    'Two threads call Atomics.add in a loop, each on a word of its own (or both on one word) of one shared memory, at ' +
    'several distances; "alone" is one thread while the other rests. The distances take turns; the full lab begins anew five times, with another memory and other threads, and judges by these blocks. The figures are medians of all ' +
    'rounds with their quartiles, in additions per second and thread. Where perf may count (Linux, not in most virtual machines) the ' +
    'misses of the first-level cache are counted as well.',
  seconds: { quick: 2.5, full: 16 },
  run,
}

interface Round {
  /** Millions of additions per second and thread. */
  readonly rate: number
  readonly misses: CacheMisses | undefined
}

async function run(context: Context): Promise<Outcome> {
  const { blocks, rounds, ms } = EFFORT[context.quick ? 'quick' : 'full']
  const counting = await perfCounts()
  if (counting !== true) context.leaveOut('cache misses', counting)
  const found = new Map<string, Round[]>(PLACEMENTS.map(({ name }) => [name, []]))
  for (let block = 0; block < blocks; block++) {
    const progress = (share: number, doing: string) => context.progress((block + share) / blocks, doing)
    await measureBlock(found, counting === true, { rounds, ms, block, progress, signal: context.signal })
  }
  return outcomeOf(found, rounds)
}

interface BlockOptions {
  readonly rounds: number
  readonly ms: number
  readonly block: number
  readonly progress: Context['progress']
  readonly signal: AbortSignal
}

async function measureBlock(found: ReadonlyMap<string, Round[]>, isCounting: boolean, options: BlockOptions) {
  const { rounds, ms, block, progress, signal } = options
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const team = await Team.start<SharingSetup, SharingCommand, SharingReply>({
    name: 'sharing',
    program: new URL('./worker.js', import.meta.url),
    members: THREADS,
    setup: () => ({ memory }),
    signal,
  })
  try {
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < PLACEMENTS.length; turn++) {
        const { name, apart } = PLACEMENTS[(turn + round + block) % PLACEMENTS.length]
        progress((round * PLACEMENTS.length + turn) / (rounds * PLACEMENTS.length), name)
        const work = () =>
          team.askEach(index => ({
            at: index === 0 ? FIRST_WORD : apart === undefined ? undefined : FIRST_WORD + apart,
            ms,
          }))
        const { result, misses } = isCounting ? await missesDuring(work) : { result: await work(), misses: undefined }
        const active = result.filter(({ additions }) => additions > 0)
        const rate = active.reduce((sum, reply) => sum + reply.additions / reply.ms, 0) / active.length / 1000
        found.get(name)?.push({ rate, misses })
      }
    }
  } finally {
    await team.stop()
  }
}

/** The outcome that follows from the rounds of each placement, of which `perBlock` had the same memory and threads. */
export function outcomeOf(found: ReadonlyMap<string, readonly Round[]>, perBlock?: number): Outcome {
  const rates = ({ name }: Placement) => (found.get(name) ?? []).map(({ rate }) => rate)
  const evidence: Evidence[] = []
  const rows: (string | number | null)[][] = []
  for (const placement of PLACEMENTS) {
    const values = rates(placement)
    const row = {
      experiment: 'sharing',
      subject: 'Atomics.add',
      workers: placement === ALONE ? 1 : THREADS,
      workload: placement.name,
    }
    evidence.push(measured({ ...row, metric: 'additions per thread', unit: 'M/s' }, values))
    const penalty = rates(ALONE).map((alone, round) => alone / values[round])
    evidence.push(measured({ ...row, metric: 'penalty', unit: 'x alone' }, penalty))
    const misses = (found.get(placement.name) ?? []).flatMap(({ misses }) =>
      misses === undefined ? [] : [misses.share * 100],
    )
    if (misses.length > 0) evidence.push(measured({ ...row, metric: 'L1 misses', unit: '% of loads' }, misses))
    rows.push([
      placement.name,
      spread(values).median,
      spread(values.map(rate => 1000 / rate)).median,
      spread(penalty).median,
      ...(misses.length > 0 ? [spread(misses).median] : [null]),
    ])
  }
  const blocked = (placement: Placement): Blocked => ({ rounds: rates(placement), perBlock })
  const line = judge(blocked(FAR), blocked(SAME_LINE))
  const neighbours = judge(blocked(FAR), blocked(PLACEMENTS[2]))
  const text = (ratio: number) => `${ratio.toFixed(1)}x`
  const verdict: Verdict = !line.differs ? 'cannot tell' : line.ratio >= COSTLY ? 'holds' : 'does not hold'
  return {
    evidence,
    charts: [
      {
        id: 'rate',
        kind: 'bar',
        title: 'Additions per second and thread, by the distance of the two words',
        alternative: PLACEMENTS.map(p => `${p.name}: ${spread(rates(p)).median.toFixed(1)} M/s`).join('; '),
        categories: PLACEMENTS.map(({ name }) => name),
        y: { label: 'additions per thread', unit: 'M/s' },
        series: [
          {
            name: 'Atomics.add',
            values: PLACEMENTS.map(placement => {
              const { median, low, high } = spread(rates(placement))
              return { y: median, low, high }
            }),
          },
        ],
      },
    ],
    tables: [
      {
        title: 'Two threads that add',
        columns: [
          { label: 'the words are' },
          { label: 'per thread', unit: 'M/s' },
          { label: 'one takes', unit: 'ns' },
          { label: 'penalty', unit: 'x alone' },
          { label: 'L1 misses', unit: '% of loads' },
        ],
        rows,
      },
    ],
    findings: [
      line.differs && line.ratio > 1
        ? `A thread whose word shares a line with another's is ${text(line.ratio)} as slow as one whose word is 256 bytes away.`
        : `Sharing a line made no difference beyond the noise here (${text(line.ratio)}): the two threads may run on one core.`,
      neighbours.differs && neighbours.ratio > 1
        ? `64 bytes apart is not far enough: ${text(neighbours.ratio)} as slow as 256 bytes apart.`
        : 'From 64 bytes apart on, a greater distance gains nothing beyond the noise.',
    ],
    beliefs: [
      {
        belief: 10,
        verdict,
        measured: `on one line ${spread(rates(SAME_LINE)).median.toFixed(1)} M/s per thread, 256 bytes apart ${spread(rates(FAR)).median.toFixed(1)}: a factor of ${line.ratio.toFixed(1)}, where the belief has 7.2`,
      },
    ],
  }
}

/** The ratio from which on false sharing costs "dearly", as the belief says. */
const COSTLY = 1.5
