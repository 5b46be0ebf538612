import type { Conclusion } from '@threadmap/workbench/experiment'
import { disturbedText, isDisturbed } from '@threadmap/workbench/threads/others'
import { workloadText } from '@threadmap/workbench/workload'
import { choiceName } from '../advice/cases.js'
import { adviceOf, follow } from '../advice/tree.js'
import { type FinishedRecord, finished, type RunDocument } from '../document.js'
import type { MixDetails } from '../experiments/mix/index.js'
import { FOLKLORE } from '../folklore.js'
import type { Change } from './change.js'

/** A conclusion that the two runs do not share. */
export interface ChangedConclusion {
  readonly experiment: string
  readonly before: Conclusion
  readonly after: Conclusion
  /** Whether each run ruled the other's answer out. Otherwise the answers lie within a tie of one of the runs, and nothing contradicts. */
  readonly isContradiction: boolean
  /** Whether the runs are of one machine, version and settings, so that a contradiction is a fault. */
  readonly shouldNot: boolean
  /** What explains it, or that nothing in the two runs does. */
  readonly why: string
}

export interface ComparedConclusions {
  /** Workloads that the second run held out, and those for which neither tree rules the other's choice out. */
  readonly trees: { readonly workloads: number; readonly agree: number }
  /** Conclusions that both runs have. */
  readonly both: number
  readonly changed: readonly ChangedConclusion[]
}

/** What an experiment concludes: what it says itself, and its verdicts on the folklore. */
function conclusionsOf(record: FinishedRecord): Conclusion[] {
  const verdicts = record.beliefs.map(({ belief, verdict }) => ({
    question: `belief ${belief}: ${FOLKLORE.find(({ id }) => id === belief)?.title ?? ''}`,
    answer: verdict,
    // "Cannot tell" contradicts nothing.
    tied: verdict === 'cannot tell' ? ['holds', 'does not hold'] : [],
  }))
  return [...(record.conclusions ?? []), ...verdicts]
}

/** What the trees of both runs say of the workloads that the second one held out. */
export function adviceConclusions(document: RunDocument, judge: RunDocument): Conclusion[] {
  const advice = adviceOf(document)
  const cells = (finished(judge, 'mix')?.details as MixDetails | undefined)?.cells ?? []
  if (advice === undefined) return []
  return cells
    .filter(({ heldOut }) => heldOut)
    .map(({ workload }) => {
      const { leaf } = follow(advice.tree, workload)
      return {
        question: `the tree's advice for ${workloadText(workload)}`,
        answer: choiceName(leaf.choice),
        tied: leaf.tied.map(choiceName),
      }
    })
}

const isWithin = (answer: string, { answer: own, tied }: Conclusion) => own === answer || tied.includes(answer)

/** Whether one of the two cannot tell the other's answer from its own. */
export function areCompatible(a: Conclusion, b: Conclusion): boolean {
  return isWithin(b.answer, a) || isWithin(a.answer, b)
}

/** The conclusions that differ, contradictions first. `figures` are the changes of the runs' figures. */
export function compareConclusions(
  before: RunDocument,
  after: RunDocument,
  figures: readonly Change[],
): ComparedConclusions {
  let both = 0
  const changed: ChangedConclusion[] = []
  const differing = differingSettings(before, after)
  const pair = (experiment: string, earlier: readonly Conclusion[], later: readonly Conclusion[]) => {
    for (const b of later) {
      const a = earlier.find(({ question }) => question === b.question)
      if (a === undefined) continue
      both++
      if (a.answer === b.answer) continue
      const isContradiction = !areCompatible(a, b)
      const why = isContradiction
        ? reasons(before, after, experiment, b, figures, differing).join('; ')
        : 'the two answers could not be told apart'
      changed.push({ experiment, before: a, after: b, isContradiction, shouldNot: isContradiction && !differing, why })
    }
  }
  for (const { name } of after.experiments) {
    const [a, b] = [finished(before, name), finished(after, name)]
    if (a !== undefined && b !== undefined) pair(name, conclusionsOf(a), conclusionsOf(b))
  }
  const [earlier, later] = [adviceConclusions(before, after), adviceConclusions(after, after)]
  pair('mix', earlier, later)
  const agree = later.filter((b, at) => earlier[at] !== undefined && areCompatible(earlier[at], b)).length
  const trees = { workloads: Math.min(earlier.length, later.length), agree }
  return { trees, both, changed: changed.sort((a, b) => Number(b.isContradiction) - Number(a.isContradiction)) }
}

/** Why two runs may differ by right, in words; empty for one machine, version and settings. */
function differingSettings(before: RunDocument, after: RunDocument): string {
  const { settings: a, machine: m } = before
  const { settings: b, machine: n } = after
  return [
    ...(m.cpu !== n.cpu || m.cores !== n.cores || m.platform !== n.platform ? ['the machines differ'] : []),
    ...(m.node !== n.node ? [`Node ${m.node} and ${n.node}`] : []),
    ...(a.quick !== b.quick ? ['one run is quick and the other full'] : []),
    ...(a.workers !== b.workers ? [`${a.workers} and ${b.workers} threads`] : []),
    ...(a.seed !== b.seed ? ['the seeds differ'] : []),
    ...(JSON.stringify(a.flags) !== JSON.stringify(b.flags) ? ['the flags differ'] : []),
  ].join(', ')
}

function reasons(
  before: RunDocument,
  after: RunDocument,
  experiment: string,
  { workload }: Conclusion,
  figures: readonly Change[],
  differing: string,
): string[] {
  const disturbed = (document: RunDocument, which: string) => {
    const processors = finished(document, experiment)?.processors
    return processors !== undefined && isDisturbed(processors)
      ? [`in the ${which} run ${disturbedText(processors).split(', so')[0]}`]
      : []
  }
  const moved = figures.filter(
    ({ after: row, isChange }) =>
      isChange && row.experiment === experiment && workload !== undefined && row.workload === workload,
  )
  const found = [
    ...(differing === '' ? [] : [differing]),
    ...disturbed(before, 'first'),
    ...disturbed(after, 'second'),
    ...moved
      .slice(0, MOST_FIGURES)
      .map(({ after: row, ratio }) => `${row.subject}, ${row.metric}: ${ratio.toFixed(2)} times the first run's`),
  ]
  const isQuick = after.settings.quick
  if (found.length > 0) return found
  return isQuick
    ? ['each quick run judges by one set of maps and threads; the full lab begins anew five times']
    : ['no figure behind it changed beyond the noise, and no other program disturbed: one of the runs was wrongly sure']
}

/** Figures that are named for one conclusion at most. */
const MOST_FIGURES = 3

/** The comparison in sentences: how many changed, and how many of these should not have. */
export function conclusionFindings({ trees, both, changed }: ComparedConclusions): string[] {
  if (both === 0) return []
  const agreed =
    trees.workloads === 0
      ? []
      : [
          `The trees of both runs agree on ${trees.agree} of ${trees.workloads} held-out workloads: there neither rules the other's choice out.`,
        ]
  if (changed.length === 0) return [`All ${both} conclusions are the same.`, ...agreed]
  const opposed = changed.filter(({ isContradiction }) => isContradiction).length
  const faults = changed.filter(({ shouldNot }) => shouldNot).length
  const rest = changed.length - opposed
  return [
    `${changed.length} of ${both} conclusions changed: ${[
      ...(rest > 0 ? [`${rest} within a tie`] : []),
      ...(opposed > 0 ? [`${opposed} to one that the other run had ruled out`] : []),
    ].join(
      ', ',
    )}${opposed === 0 ? '' : faults === 0 ? ', as other settings or another machine may' : `; ${faults} of them should not have`}.`,
    ...agreed,
  ]
}

/** `mix: 90% reads, 256 keys: FastMap -> SyncMap = FastMap: why`. */
export function conclusionText({ experiment, before, after, why }: ChangedConclusion): string {
  return `${experiment}, ${after.question}: ${answersText(before)} -> ${answersText(after)}: ${why}`
}

export function answersText({ answer, tied }: Conclusion): string {
  return [answer, ...tied].join(' = ')
}
