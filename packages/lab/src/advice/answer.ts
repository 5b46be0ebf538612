import { disturbance, hiddenText, isTooNoisy, judge, rateOf } from '@threadmap/workbench/blocks'
import { maxBytesFor, sharedBytes } from '@threadmap/workbench/subjects/room'
import { AGAIN_NAME, PRIVATE, TWICE } from '@threadmap/workbench/subjects/subject'
import { valueTypeOf, type Workload, workloadText } from '@threadmap/workbench/workload'
import type { SubjectRounds } from '../experiments/mix/measure.js'
import { type Choice, choose, controlOf, judgeBeside } from '../preference.js'
import { choiceName } from './cases.js'
import { codeLine, importLine, type Shape } from './code.js'
import { FACTORS } from './factors.js'
import { goalText, leafEvidence, leafNames, regretText } from './text.js'
import { type AdviceLeaf, follow, type TreeAdvice, turnsOf } from './tree.js'
import type { Variant } from './variants.js'

/** The answer of `threadmap advise` for one workload; plain data. */
export interface Answer {
  readonly format: 'threadmap-answer'
  readonly version: 1
  /** The origin of the answer: the tree of an earlier run, a measurement now, or a trace that was replayed now. */
  readonly from: 'tree' | 'measured' | 'trace'
  /** The workload of the question, in words. */
  readonly question: string
  readonly workload: Workload
  readonly choice: string
  /** Subjects that cannot be told from the choice. */
  readonly tied: readonly string[]
  /** If subjects tie in a measurement: the ratio below which a difference could hide in the noise of this run; otherwise null. */
  readonly visible: number | null
  /** How many times as fast as itself the map was that took part twice (an A/A pair), and whether it tied; null: not measured here. */
  readonly control: { readonly ratio: number; readonly ties: boolean } | null
  /** What was measured: the rounds of each subject, in millions of operations per second. */
  readonly subjects: readonly SubjectRounds[]
  /** Lines to paste into a program. */
  readonly code: readonly string[]
  readonly because: readonly string[]
  /** Every other choice: how many times as long it takes, and whether this difference is beyond the noise (null: not measured here). */
  readonly otherwise: readonly {
    readonly name: string
    readonly slower: number
    readonly isSure: boolean | null
    /** The 95% interval of `slower`; null: not measured here. */
    readonly interval: readonly [number, number] | null
    readonly rate: number | null
  }[]
  /** Millions of operations per second of the choice; null where it was not measured now. */
  readonly rate: number | null
  /** Changes of the workload that would make another map the better one. */
  readonly changes: readonly { readonly change: string; readonly instead: string; readonly ratio: number | null }[]
  /** Changes that were tried and make no difference. */
  readonly unchanged: readonly string[]
  readonly notes: readonly string[]
}

/** The answer from the tree of a run. */
export function answerFromTree(advice: TreeAdvice, workload: Workload): Answer {
  const { because, leaf } = follow(advice.tree, workload)
  const shape = shapeOf(workload)
  return {
    ...frame(workloadText(workload), workload, leaf.choice, shape),
    from: 'tree',
    tied: leaf.tied.map(choiceName),
    visible: null,
    control: null,
    subjects: [],
    because: [...because, leafEvidence(leaf)],
    otherwise: leaf.others.map(({ name, slower }) => ({
      name: choiceName(name),
      slower,
      isSure: leaf.tied.includes(name) ? false : null,
      interval: null,
      rate: null,
    })),
    rate: null,
    changes: turnsOf(advice.tree, workload).map(({ change, leaf }) => ({
      change,
      instead: leafNames(leaf),
      ratio: null,
    })),
    unchanged: [],
    notes: [
      ...beyond(advice, workload),
      ...otherValues(advice, workload),
      `${regretText(advice.heldOut)} ${goalText(advice)}`,
      ...alone(leaf),
    ],
  }
}

function alone({ choice }: AdviceLeaf): string[] {
  return choice === PRIVATE.name
    ? ['One thread needs no shared map. If other threads read it now and then, take FastMap.']
    : []
}

/** A note for each factor of the workload that lies outside the workloads that the tree was fitted to. */
function beyond({ ranges }: TreeAdvice, workload: Workload): string[] {
  return FACTORS.flatMap(({ name, of, value }) => {
    const { low, high } = ranges[name]
    const here = of(workload)
    if (here >= low && here <= high) return []
    return [
      `${value(here)}: outside the measured range (${value(low)} to ${value(high)}), so the answer is a guess; add --measure to measure it.`,
    ]
  })
}

/** Objects cost more than text in a shared map, and more still in messages, so a tree for one of them says little of the other. */
function otherValues({ valueType }: TreeAdvice, workload: Workload): string[] {
  const type = valueTypeOf(workload)
  return type === 'numbers' || type === valueType
    ? []
    : [`The tree was fitted to ${valueType}, not to ${type}, so the answer is a guess; add --measure to measure it.`]
}

export interface MeasuredParts {
  readonly from: 'measured' | 'trace'
  readonly question: string
  readonly workload: Workload
  readonly shape: Shape
  readonly subjects: readonly SubjectRounds[]
  readonly variants: readonly Variant[]
  readonly notes: readonly string[]
  /** The choice of the tree for this workload, which decides between subjects that tie. */
  readonly leaf?: string | undefined
}

/**
 * The subject to take of those that serve this number of threads, and its ties. A plain `Map` in each thread shares nothing, so it serves
 * one thread only.
 */
export function choiceOf(subjects: readonly SubjectRounds[], threads: number, leaf?: string): Choice {
  return choose(
    subjects.filter(({ name }) => threads === 1 || name !== PRIVATE.name),
    leaf,
  )
}

/** The answer from a measurement that was made now. */
export function answerFromMeasurement(parts: MeasuredParts): Answer {
  const { from, question, workload, shape, subjects, variants, notes } = parts
  const { choice: best, tied, visible } = choiceOf(subjects, workload.threads, parts.leaf)
  const control = controlOf(subjects)
  const rate = rateOf(best)
  const isShared = workload.threads > 1
  const others = subjects
    .filter(subject => subject !== best && subject.name !== AGAIN_NAME)
    .map(subject => {
      // One that ties with the fastest is not sure, even if it is far from the choice, which ties with the fastest, too.
      const { ratio, differs, low, high } = judgeBeside(control, best, subject)
      return {
        subject,
        slower: ratio,
        interval: [low, high] as const,
        isSure: differs && !tied.includes(subject),
        rate: rateOf(subject),
      }
    })
    .sort((a, b) => a.slower - b.slower)
  const serving = others.filter(({ subject }) => !isShared || subject.name !== PRIVATE.name)
  const own = others.find(({ subject }) => isShared && subject.name === PRIVATE.name)
  return {
    ...frame(question, workload, best.name, shape),
    from,
    tied: tied.map(({ name }) => choiceName(name)),
    visible,
    control: control === undefined ? null : { ratio: control.ratio, ties: !control.differs },
    subjects,
    because: [`${choiceName(best.name)} did ${rate.toPrecision(3)} M operations/s here, all threads together`],
    otherwise: serving.map(({ subject, slower, interval, isSure, rate }) => ({
      name: choiceName(subject.name),
      slower,
      isSure,
      interval,
      rate,
    })),
    rate,
    changes: variants.flatMap(({ change, instead, ratio }) =>
      instead === undefined ? [] : [{ change, instead, ratio }],
    ),
    unchanged: variants.filter(({ instead }) => instead === undefined).map(({ change }) => change),
    notes: [
      ...(own === undefined
        ? []
        : [
            `A plain Map in each thread, which shares nothing, did ${own.rate.toPrecision(3)} M operations/s${own.rate > rate ? ": take that if the threads need not see each other's entries" : ''}.`,
          ]),
      ...spreadsText(best, serving[0]?.subject),
      ...disturbedNote(subjects),
      ...(control?.differs
        ? [
            `The same map twice (${TWICE}, with other threads) differed by ${times(Math.max(control.ratio, 1 / control.ratio))} here, so smaller differences count as ties.`,
          ]
        : []),
      ...notes,
    ],
  }
}

/** Other programs have made differences that are none. */
function disturbedNote(subjects: readonly SubjectRounds[]): string[] {
  const factor = disturbance(...subjects)
  const others = Math.max(0, ...subjects.map(each => each.others ?? 0))
  return others === 0
    ? []
    : [
        `Other programs had ${Math.round(100 * others)}% of the processors meanwhile, so smaller differences than ${times(factor)} count as ties. Measure again when the machine is quiet.`,
      ]
}

/** How much the ratio of the choice and the next one differs from round to round, and from block to block. */
function spreadsText(best: SubjectRounds, next: SubjectRounds | undefined): string[] {
  if (next === undefined) return []
  const { within, between } = judge(best, next)
  const percents = [
    ...(within === null ? [] : [`${(100 * within).toFixed(1)}% from round to round`]),
    ...(between === null ? [] : [`${(100 * between).toFixed(1)}% from one set of fresh maps and threads to the next`]),
  ]
  if (percents.length === 0) return []
  return [`The ratio of ${choiceName(best.name)} and ${choiceName(next.name)} differs by ${percents.join(' and ')}.`]
}

function frame(question: string, workload: Workload, choice: string, shape: Shape) {
  const code = [importLine(choice, shape), codeLine(choice, shape)].filter(line => line !== undefined)
  return { format: 'threadmap-answer', version: 1, question, workload, choice: choiceName(choice), code } as const
}

export function shapeOf(workload: Workload): Shape {
  const { keys } = workload
  const value = { numbers: 'f64', text: 'string', objects: 'json()' }[valueTypeOf(workload)]
  const maxBytes = maxBytesFor(sharedBytes(workload))
  return { key: 'string', value, capacity: keys, maxBytes }
}

/** From 10 on without decimals, which would mean nothing at that distance. */
const times = (ratio: number) => `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}x`

/** A tie comes first, with what it may claim; then the choice, which follows the written rule. */
function headlineOf({ choice, tied, visible }: Answer): string {
  if (tied.length === 0) return `Use ${choice}.`
  const names = [choice, ...tied]
  const list = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
  if (visible !== null && isTooNoisy(visible)) return `${list}: ${hiddenText(visible)}; meanwhile take ${choice}.`
  return `${list}: no difference here${visible === null ? '' : ` (${hiddenText(visible)})`}; take ${choice}.`
}

/** The answer for a terminal. `bold` and `dim` style it. */
export function answerText(answer: Answer, bold: (text: string) => string, dim: (text: string) => string): string {
  const { code, because, otherwise, changes, unchanged, notes } = answer
  const lines = [
    bold(headlineOf(answer)),
    dim(`for ${answer.question}`),
    '',
    ...code.map(line => `  ${line}`),
    '',
    `Because: ${because.join('; ')}.`,
  ]
  if (otherwise.length > 0) {
    lines.push(
      answer.from === 'tree'
        ? 'Choosing otherwise would take (on average over the measured workloads of this leaf; --measure measures yours)'
        : 'Choosing otherwise would take',
    )
    const width = Math.max(...otherwise.map(({ name }) => name.length))
    for (const { name, slower, isSure, interval, rate } of otherwise) {
      const range = interval === null ? '' : ` (95%: ${times(interval[0])} to ${times(interval[1])})`
      const speed = rate === null ? '' : `  ${rate.toPrecision(3)} M operations/s`
      lines.push(
        `  ${name.padEnd(width)}  ${times(slower)} as long${range}${speed}${isSure === false ? '  (within the noise)' : ''}`,
      )
    }
  }
  if (changes.length > 0) {
    lines.push('What would change the answer')
    for (const { change, instead, ratio } of changes) {
      lines.push(`  ${change}: ${instead}${ratio === null ? '' : ` (${times(ratio)} as fast)`}`)
    }
  } else if (answer.from === 'tree' || unchanged.length > 0) {
    lines.push(
      `What would change the answer: nothing that ${answer.from === 'tree' ? 'the tree knows of' : 'was tried'}.`,
    )
  }
  if (unchanged.length > 0) lines.push(dim(`  not: ${unchanged.join(', ')}`))
  lines.push(...notes.map(note => dim(note)))
  return lines.join('\n')
}
