/** What many runs of one question have in common: whether what one was sure of holds in the others. */
import { compareRuns, type RunDocument } from '@threadmap/lab'
import { judge, rateOf } from '@threadmap/workbench/blocks'
import { quantile } from '@threadmap/workbench/statistics'
import type { SubjectRounds } from '#lab/experiments/mix/measure.js'
import { judgeBeside } from '#lab/preference.js'
import type { Asked } from './questions.js'

export interface Repeated {
  readonly question: string
  readonly runs: number
  /** How often each answer was given, the most frequent first. */
  readonly answers: readonly (readonly [answer: string, times: number])[]
  /** Comparisons of two subjects, over all runs; of these, how many were sure. */
  readonly comparisons: number
  readonly sure: number
  /** Pairs of subjects of which one run was sure that the first is faster and another run that the second is, in words. */
  readonly contradictions: readonly string[]
  /** The number of 95% intervals, and of those that hold the median of all runs. */
  readonly intervals: number
  readonly covering: number
  /** A/A pairs, and those that tied. */
  readonly controls: number
  readonly ties: number
  /** The smallest difference that a run could have seen, at the median of all comparisons. */
  readonly visible: number
}

const AGAIN = ' again'

/** Judges the runs of one question. */
export function judgeRuns(question: string, runs: readonly Asked[]): Repeated {
  const counts = new Map<string, number>()
  for (const { answer } of runs) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  const pairs = new Map<string, ReturnType<typeof judge>[]>()
  const controls: boolean[] = []
  for (const { groups } of runs) {
    for (const subjects of groups) {
      const again = subjects.find(({ name }) => name.includes(AGAIN))
      const once = subjects.find(({ name }) => name === again?.name.replace(AGAIN, ''))
      const control = again === undefined || once === undefined ? undefined : judge(once, again)
      if (control !== undefined) controls.push(!control.differs)
      const measured = subjects.filter(each => each !== again)
      for (const [a, b] of pairsOf(measured)) {
        const name = `${a.name} against ${b.name}`
        const earlier = pairs.get(name)
        const judged = judgeBeside(control, a, b)
        if (earlier === undefined) pairs.set(name, [judged])
        else earlier.push(judged)
      }
    }
  }
  const all = [...pairs.values()].flat()
  const contradictions = [...pairs].flatMap(([name, judged]) => {
    const sure = judged.filter(({ differs }) => differs).map(({ ratio }) => ratio)
    const [least, most] = [Math.min(...sure), Math.max(...sure)]
    return sure.length > 1 && least < 1 && most > 1 ? [`${name}: ${least.toFixed(2)}x and ${most.toFixed(2)}x`] : []
  })
  let covering = 0
  for (const judged of pairs.values()) {
    const middle = quantile(
      judged.map(({ ratio }) => ratio),
      0.5,
    )
    covering += judged.filter(({ low, high }) => low <= middle && middle <= high).length
  }
  return {
    question,
    runs: runs.length,
    answers: [...counts].sort((a, b) => b[1] - a[1]),
    comparisons: all.length,
    sure: all.filter(({ differs }) => differs).length,
    contradictions,
    intervals: all.length,
    covering,
    controls: controls.length,
    ties: controls.filter(Boolean).length,
    visible: quantile(
      all.map(({ visible }) => visible),
      0.5,
    ),
  }
}

/** Every two of these, the one whose name comes first in the alphabet first, so that all runs ask the same. */
function pairsOf(subjects: readonly SubjectRounds[]): (readonly [SubjectRounds, SubjectRounds])[] {
  const sorted = subjects.filter(each => rateOf(each) > 0).sort((a, b) => (a.name < b.name ? -1 : 1))
  return sorted.flatMap((a, at) => sorted.slice(at + 1).map(b => [a, b] as const))
}

/** How far the trees of several runs agree, pair by pair, on the workloads that were held out. */
export function treesAgree(runs: readonly RunDocument[]): { readonly workloads: number; readonly agree: number } {
  const pairs = runs.flatMap((before, at) =>
    runs.slice(at + 1).map(after => compareRuns(before, after).conclusions.trees),
  )
  const sum = (of: (each: (typeof pairs)[number]) => number) => pairs.reduce((total, each) => total + of(each), 0)
  return { workloads: sum(each => each.workloads), agree: sum(each => each.agree) }
}

/** Shares that count as kept: an interval of 95% misses the median now and then, and the median itself is uncertain. */
export const LEAST_COVERAGE = 0.9
export const LEAST_TIES = 0.95
export const LEAST_AGREEMENT = 0.95

/** What the runs broke, in words; empty if they repeat. */
export function broken(all: readonly Repeated[]): string[] {
  const sum = (of: (each: Repeated) => number) => all.reduce((total, each) => total + of(each), 0)
  const share = (part: number, whole: number) => (whole === 0 ? 1 : part / whole)
  const coverage = share(
    sum(each => each.covering),
    sum(each => each.intervals),
  )
  const ties = share(
    sum(each => each.ties),
    sum(each => each.controls),
  )
  return [
    ...all.flatMap(({ question, contradictions }) => contradictions.map(each => `${question}: ${each}`)),
    ...(coverage < LEAST_COVERAGE
      ? [`only ${percent(coverage)} of the 95% intervals hold the median of all runs`]
      : []),
    ...(ties < LEAST_TIES ? [`only ${percent(ties)} of the A/A pairs tie`] : []),
  ]
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(0)}%`
}

/** The table, in Markdown. */
export function tableOf(all: readonly Repeated[]): string {
  const rows = all.map(each => [
    each.question,
    each.answers.map(([answer, times]) => `${answer}: ${times}`).join('; '),
    `${each.sure} of ${each.comparisons}`,
    String(each.contradictions.length),
    percent(each.covering / each.intervals),
    `${each.ties} of ${each.controls}`,
    `${each.visible.toFixed(2)}x`,
  ])
  const head = [
    'question',
    'answers',
    'comparisons that were sure',
    'contradictions',
    '95% intervals that hold the median of all runs',
    'A/A pairs that tie',
    'visible from',
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
