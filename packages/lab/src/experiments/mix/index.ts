import { hiddenText } from '@threadmap/workbench/blocks'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { BeliefFinding, Context, Experiment, Outcome } from '@threadmap/workbench/experiment'
import { quantile, spread } from '@threadmap/workbench/statistics'
import { MAP_KINDS, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import {
  AGAIN,
  AGAIN_NAME,
  LMDB,
  MESSAGES,
  PRIVATE,
  SHAREDMAP,
  type Subject,
  sharedSubject,
} from '@threadmap/workbench/subjects/subject'
import { type Workload, workloadText } from '@threadmap/workbench/workload'
import { Option } from 'commander'
import { VALUE_TYPES } from '../../advice/workload.js'
import { choose, controlOf, judgeBeside, noiseOf } from '../../preference.js'
import { type Cell, mixCells } from './cells.js'
import { goRounds } from './go.js'
import { runWorkloads, type SubjectRounds } from './measure.js'

/** The cells that the advice is fitted to. */
export interface MixDetails {
  readonly cells: readonly MixCell[]
}

export interface MixCell extends Cell {
  /** Millions of operations per second; rounds of the same index ran side by side. */
  readonly subjects: readonly SubjectRounds[]
}

/** The quick lab has no time for several blocks, so only large differences count there. */
const EFFORT = {
  quick: { cells: 32, blocks: 1, rounds: 3, ms: 20 },
  full: { cells: 72, blocks: 5, rounds: 1, ms: 60 },
}

/** On a busy machine the matrix ends early, at this many times its usual duration. */
const OVERRUN = 1.5

export const mix: Experiment = {
  name: 'mix',
  title: 'Which map is the fastest for which workload?',
  method:
    'A sample of all workloads (share of reads, number of keys, skew, threads, size of values, keys that come and go), ' +
    'is drawn so that every level of every factor occurs equally often. Each subject has threads of its own; all subjects do equal ' +
    'operations in interleaved rounds. The full lab begins anew five times, with fresh maps and threads, and two subjects differ if the 99% interval of their ratio over these blocks says so (the quick lab: if they differ by more than 20%). UnsafeMap takes part in workloads of one thread. "plain Map per thread" shares nothing and is the ceiling of such a loop; ' +
    '"message passing" sends 64 requests in a message to the thread that has the Map. Peers take part where they are installed. "FastMap again" is a second FastMap with threads of its own (an A/A pair): what the two differ is noise.',
  seconds: { quick: 42, full: 460 },
  flags: [new Option('--value-type <type>', 'mix: what values that are no numbers are (text)').choices(VALUE_TYPES)],
  run,
}

async function run(context: Context): Promise<Outcome> {
  const effort = EFFORT[context.quick ? 'quick' : 'full']
  const valueType = context.flags.valueType === 'objects' ? ('objects' as const) : undefined
  const cells = mixCells(effort.cells, context.workers, context.seed).map(cell =>
    valueType === undefined ? cell : { ...cell, workload: { ...cell.workload, valueType } },
  )
  const found: MixCell[] = []
  const left = new Set<string>()
  const leaveOut = (what: string, why: string) => {
    if (!left.has(what)) context.leaveOut(what, why)
    left.add(what)
  }
  let begun = 0
  const began = performance.now()
  const limit = mix.seconds[context.quick ? 'quick' : 'full'] * OVERRUN * 1000
  const counts = [...new Set(cells.map(({ workload }) => workload.threads))].sort((a, b) => a - b)
  for (const threads of counts) {
    const planned = cells.filter(({ workload }) => workload.threads === threads)
    begun += planned.length
    const measuredCells = await runWorkloads(
      planned.map(({ workload }) => workload),
      {
        ...effort,
        threads,
        subjects: subjectsFor(threads).filter(({ name }) => !left.has(name)),
        seed: context.seed,
        signal: context.signal,
        deadline: began + (limit * begun) / cells.length,
        onWorkload: (at, block) => {
          const here = (block * planned.length + at) / effort.blocks
          context.progress((found.length + here) / cells.length, workloadText(planned[at].workload))
        },
        onLeftOut: leaveOut,
      },
    )
    const these = planned.slice(0, measuredCells.length)
    const go = await goRounds(these, { ...effort, rounds: effort.blocks * effort.rounds, context, leaveOut })
    found.push(...these.map((cell, at) => ({ ...cell, subjects: [...measuredCells[at], ...go[at]] })))
  }
  if (found.length < cells.length) {
    context.leaveOut(
      `${cells.length - found.length} of ${cells.length} workloads`,
      'the time was over: the machine is slow, or busy with other programs',
    )
  }
  return outcomeOf(found)
}

function subjectsFor(threads: number): Subject[] {
  const kinds = threads === 1 ? MAP_KINDS : SAFE_KINDS
  return [...kinds.map(sharedSubject), AGAIN, PRIVATE, MESSAGES, SHAREDMAP, LMDB]
}

/** Of the maps that several threads may share the one to take, and those that cannot be told from the fastest. */
export function ranking(
  subjects: readonly SubjectRounds[],
  runNoise = 0,
): { best: SubjectRounds; tied: readonly SubjectRounds[]; fastest: SubjectRounds; visible: number | null } | undefined {
  const safe = subjects.filter(({ name }) => name === AGAIN_NAME || SAFE_KINDS.some(kind => kind === name))
  if (safe.every(({ name }) => name === AGAIN_NAME)) return undefined
  const { choice: best, ...rest } = choose(safe, undefined, runNoise)
  return { best, ...rest }
}

/** The outcome that follows from the matrix. */
export function outcomeOf(cells: readonly MixCell[]): Outcome {
  const noise = noiseOf(cells.map(({ subjects }) => subjects))
  const names = [...new Set(cells.flatMap(({ subjects }) => subjects.map(({ name }) => name)))]
  const evidence: Evidence[] = cells.flatMap(({ workload, subjects }) =>
    subjects.map(({ name, rounds }) =>
      measured(
        {
          experiment: 'mix',
          subject: name,
          workers: workload.threads,
          workload: workloadText(workload),
          metric: 'throughput',
          unit: 'M/s',
        },
        rounds,
      ),
    ),
  )
  const rows = cells.map(cell => {
    const ranked = ranking(cell.subjects, noise)
    const best = ranked === undefined ? '-' : [ranked.best, ...ranked.tied].map(({ name }) => name).join(' = ')
    return [
      workloadText(cell.workload),
      ...names.map(name => {
        const rounds = cell.subjects.find(subject => subject.name === name)?.rounds
        return rounds === undefined ? null : spread(rounds).median
      }),
      best,
    ]
  })
  const relative = cells.map(({ subjects }) => {
    const best = ranking(subjects, noise)
    return names.map(name => {
      const rounds = subjects.find(subject => subject.name === name)?.rounds
      return rounds === undefined || best === undefined
        ? null
        : (100 * spread(rounds).median) / spread(best.fastest.rounds).median
    })
  })
  return {
    evidence,
    charts: [
      {
        id: 'relative',
        kind: 'heat',
        title: 'Throughput relative to the fastest shared map of the workload',
        alternative: winsText(cells, noise),
        columns: names,
        rows: cells.map(({ workload }) => workloadText(workload)),
        value: { label: 'of the fastest shared map', unit: '%' },
        cells: relative,
      },
    ],
    tables: [
      {
        title: 'Millions of operations per second, all threads together (= : within the noise)',
        columns: [{ label: 'workload' }, ...names.map(label => ({ label })), { label: 'fastest shared map' }],
        rows,
      },
    ],
    findings: [winsText(cells, noise), ...noiseText(cells, noise), ...controlText(cells), ...ceilingText(cells, noise)],
    conclusions: cells.flatMap(({ workload, subjects }) => {
      const ranked = ranking(subjects, noise)
      const about = workloadText(workload)
      if (ranked === undefined) return []
      const { best, tied } = ranked
      return [{ question: about, workload: about, answer: best.name, tied: tied.map(({ name }) => name) }]
    }),
    beliefs: [chooseByWorkload(cells, noise)],
    details: { cells } satisfies MixDetails,
  }
}

/** How often each map is the fastest, alone or within the noise of it. */
function winsText(cells: readonly MixCell[], noise: number): string {
  const wins = new Map<string, number>()
  const alone = new Map<string, number>()
  for (const { subjects } of cells) {
    const ranked = ranking(subjects, noise)
    if (ranked === undefined) continue
    for (const { name } of [ranked.best, ...ranked.tied]) wins.set(name, (wins.get(name) ?? 0) + 1)
    if (ranked.tied.length === 0) alone.set(ranked.best.name, (alone.get(ranked.best.name) ?? 0) + 1)
  }
  const list = [...wins]
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} in ${count} (alone in ${alone.get(name) ?? 0})`)
  return `Of ${cells.length} workloads, the fastest shared map, or within the noise of it, is ${list.join(', ')}.`
}

/** Both spreads, and what the run could have seen: the median over the workloads of several threads. */
function noiseText(cells: readonly MixCell[], noise: number): string[] {
  const judged = cells.flatMap(({ subjects, workload }) => {
    const ranked = workload.threads > 1 ? ranking(subjects, noise) : undefined
    const others = ranked === undefined ? [] : [ranked.best, ...ranked.tied].filter(each => each !== ranked.fastest)
    return ranked === undefined ? [] : others.map(other => judgeBeside(undefined, ranked.fastest, other, noise))
  })
  if (judged.length === 0) return []
  const middle = (values: readonly (number | null)[]) =>
    quantile(
      values.filter(value => value !== null),
      0.5,
    )
  const [within, between] = [middle(judged.map(each => each.within)), middle(judged.map(each => each.between))]
  const visible = middle(judged.map(each => each.visible))
  const spreads = [
    ...(Number.isNaN(within) ? [] : [`${(100 * within).toFixed(1)}% from round to round`]),
    ...(Number.isNaN(between)
      ? []
      : [`${(100 * between).toFixed(1)}% from one set of fresh maps and threads to the next`]),
  ]
  const told = spreads.length === 0 ? '' : ` (the ratio of two maps differs by ${spreads.join(' and ')})`
  return [`Where maps tie, ${hiddenText(visible)}, at the median workload${told}.`]
}

/** Whether the same map twice ties, as it must. */
function controlText(cells: readonly MixCell[]): string[] {
  const controls = cells.flatMap(({ subjects }) => controlOf(subjects) ?? [])
  if (controls.length === 0) return []
  const apart = controls.filter(({ differs }) => differs)
  const most = Math.max(...apart.map(({ ratio }) => Math.max(ratio, 1 / ratio)))
  const text = `The same map twice (A/A pairs) ties in ${controls.length - apart.length} of ${controls.length} workloads`
  return apart.length === 0
    ? [`${text}, as it must.`]
    : [`${text}; where it differs from itself, by up to ${most.toFixed(2)}x, smaller differences count as ties.`]
}

function ceilingText(cells: readonly MixCell[], noise: number): string[] {
  const ratios = (name: string) =>
    cells.flatMap(({ subjects, workload }) => {
      const ranked = ranking(subjects, noise)
      const other = subjects.find(subject => subject.name === name)
      return ranked === undefined || other === undefined || workload.threads === 1
        ? []
        : [spread(other.rounds).median / spread(ranked.fastest.rounds).median]
    })
  const line = (name: string, text: string) => {
    const found = spread(ratios(name))
    return Number.isNaN(found.median)
      ? []
      : [
          `${text} ${found.median.toFixed(2)}x as fast as the fastest shared map (median over workloads of several threads).`,
        ]
  }
  return [
    ...line(PRIVATE.name, 'A plain Map per thread, which shares nothing, is'),
    ...line(MESSAGES.name, 'Message passing, 64 requests in a message, is'),
  ]
}

/** Belief 16, judged by the workloads that it is about. */
function chooseByWorkload(cells: readonly MixCell[], noise: number): BeliefFinding {
  const shared = cells.filter(({ workload }) => workload.threads > 1)
  const cases: [string, string, (workload: Workload) => boolean][] = [
    ['RWMutexMap', 'reads at 99%', ({ reads }) => reads >= 99],
    ['SyncMap', 'reads from 90%, no keys that come and go', ({ reads, churn }) => reads >= 90 && churn === 0],
    ['ShardedMap', 'writes from 50%', ({ reads }) => reads <= 50],
  ]
  const results = cases.map(([name, what, applies]) => {
    const ranked = shared.filter(({ workload }) => applies(workload)).map(({ subjects }) => ranking(subjects, noise))
    const won = ranked.filter(
      found => found !== undefined && [found.best, ...found.tied].some(each => each.name === name),
    ).length
    return { text: `${name} at ${what}: ${won} of ${ranked.length}`, won, of: ranked.length }
  })
  const tested = results.filter(({ of }) => of > 0)
  const holds = tested.filter(({ won, of }) => won >= of / 2).length
  return {
    belief: 16,
    verdict: tested.length < cases.length ? 'cannot tell' : holds === tested.length ? 'holds' : 'does not hold',
    measured: `how often each was the fastest or within the noise: ${results.map(({ text }) => text).join('; ')}`,
  }
}
