/**
 * Comparisons of rounds that come from several blocks. A block has fresh maps and fresh threads, and so a new layout, a new history of
 * the optimiser and a later state of the machine: what differs between runs differs between blocks, and rounds inside one do not show
 * it. The interval of a ratio therefore comes from the blocks (Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, 2013: of a
 * hierarchy of repetitions the highest level decides).
 */
import { compare, mean, NOTABLE, quantile, SINGLE_RUN_NOISE } from './statistics.js'

/** Rounds of one subject, block after block; every block has `perBlock` of them (absent: all rounds are one block). */
export interface Blocked {
  readonly rounds: readonly number[]
  readonly perBlock?: number | undefined
  /** The share of the processors that other programs had meanwhile, where they disturbed (`disturbedBy`). */
  readonly others?: number | undefined
}

export interface Judged {
  /** How many times as large the first is as the second: the geometric mean of the blocks' medians. */
  readonly ratio: number
  /** The 95% interval of the ratio. */
  readonly low: number
  readonly high: number
  /** Whether the 99% interval lies on one side of 1, and the ratio is large enough to matter: then another run says the same. */
  readonly differs: boolean
  /** The smallest ratio above 1 that this comparison could have told from 1: smaller differences can hide. */
  readonly visible: number
  /** Relative spread (standard deviation of logarithms) of the rounds inside a block, and of the blocks' medians; null where there is only one. */
  readonly within: number | null
  readonly between: number | null
}

/** Blocks from which on an interval comes from the blocks. */
export const LEAST_BLOCKS = 3

/** Quantiles 0.975 and 0.995 of Student's t with 1, 2, ... degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 1.96]
const STUDENT_SURE = [
  63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.25, 3.169, 3.106, 3.055, 3.012, 2.977, 2.576,
]

/** Quantile 0.975 of Student's t: how many standard errors the 95% interval of a mean reaches to each side. */
export function student(degrees: number): number {
  return STUDENT[Math.min(Math.max(1, degrees), STUDENT.length) - 1]
}

/**
 * Compares two subjects of one run by their ratios round by round. From three blocks on the interval is Student's over the blocks'
 * medians. With fewer, the quartiles of the rounds must lie on one side of 1, and since they say nothing about other runs,
 * a difference must exceed what was seen between single runs.
 * Where other programs disturbed, all blocks had that disturbance, and so do not show it: a difference must exceed it, too.
 */
export function judge(a: Blocked, b: Blocked): Judged {
  const foreign = Math.log(disturbance(a, b))
  const logs = a.rounds.map((value, round) => Math.log(value / b.rounds[round]))
  const blocks = blocksOf(logs, a.perBlock)
  const middles = blocks.map(block => quantile(block, 0.5))
  const isEnough = blocks.length >= LEAST_BLOCKS
  const spreads = blocks.filter(({ length }) => length > 1).map(variance)
  const within = spreads.length === 0 ? null : Math.sqrt(mean(spreads))
  const between = middles.length < 2 ? null : Math.sqrt(variance(middles))
  if (isEnough) {
    const middle = mean(middles)
    const error = Math.sqrt(variance(middles) / middles.length)
    const at = Math.min(middles.length - 2, STUDENT.length - 1)
    return judged(middle, STUDENT[at] * error + foreign, STUDENT_SURE[at] * error + foreign, within, between)
  }
  const { ratio, beyondNoise } = compare(a.rounds, b.rounds)
  const half = foreign + Math.max(Math.log1p(SINGLE_RUN_NOISE), (quantile(logs, 0.75) - quantile(logs, 0.25)) / 2)
  const found = judged(Math.log(ratio), half, half, within, between)
  return { ...found, differs: found.differs && beyondNoise }
}

/** Shares are bounded, since a ratio must have a bound. */
const MOST_OTHERS = 0.95

/**
 * How much faster a subject can seem than it is beside the other because of other programs: if these have a share s of the processors, one subject may
 * have lost all of it and the other one nothing.
 */
export function disturbance(...all: readonly Blocked[]): number {
  return 1 / (1 - Math.min(MOST_OTHERS, Math.max(0, ...all.map(({ others }) => others ?? 0))))
}

function judged(middle: number, half: number, sure: number, within: number | null, between: number | null): Judged {
  const isApart = Math.abs(middle) > sure
  return {
    ratio: Math.exp(middle),
    low: Math.exp(middle - half),
    high: Math.exp(middle + half),
    differs: isApart && Math.abs(middle) > Math.log1p(NOTABLE),
    visible: Math.max(1 + NOTABLE, Math.exp(sure)),
    within,
    between,
  }
}

/** The rate of a subject: the median over its blocks' medians. */
export function rateOf({ rounds, perBlock }: Blocked): number {
  return quantile(
    blocksOf(rounds, perBlock).map(block => quantile(block, 0.5)),
    0.5,
  )
}

function blocksOf(values: readonly number[], perBlock = values.length): number[][] {
  const blocks: number[][] = []
  for (let at = 0; at < values.length; at += perBlock) blocks.push(values.slice(at, at + perBlock))
  return blocks
}

function variance(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, values.length - 1)
}

/** Beyond this ratio a run is too noisy to say that there is no difference. */
const TOO_NOISY = 1.5

/** What a comparison that found nothing may say: `differences below 1.12x could hide`, and that it is too noisy where it saw only large ones. */
export function hiddenText(visible: number): string {
  const text = `differences below ${visible >= 10 ? visible.toFixed(0) : visible.toFixed(2)}x could hide`
  return visible > TOO_NOISY ? `too noisy to tell: ${text}` : text
}

/** Whether a run that found no difference was too noisy to find one that matters. */
export function isTooNoisy(visible: number): boolean {
  return visible > TOO_NOISY
}
