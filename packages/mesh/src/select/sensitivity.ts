/** What would change the answer: which weight, which requirement, which row. */
import { metricOf } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'
import { ANY_VERSION } from '../rows/supplied.js'
import type { Requirement } from './question.js'
import { type Ranking, rank, type Weights } from './rank.js'
import type { RowTable } from './table.js'

export interface Sensitivity {
  readonly weights: readonly WeightFlip[]
  /** Requirements without which the answer is another one. */
  readonly requirements: readonly { readonly requirement: string; readonly title: string; readonly becomes: string }[]
  /** Missing rows that matter, with the answer that each value would give. */
  readonly missing: readonly MissingRow[]
  /** Measured rows, with the factor by which one must change for another answer; the smallest change first. */
  readonly rows: readonly RowFlip[]
}

export interface WeightFlip {
  readonly metric: string
  readonly weight: number
  /** The nearest weight below at which the answer is another one, and that answer; null if none down to `LEAST` of it. */
  readonly below: { readonly weight: number; readonly becomes: string } | null
  /** Like `below`, up to `MOST` times the weight. */
  readonly above: { readonly weight: number; readonly becomes: string } | null
}

export interface MissingRow {
  readonly subject: string
  readonly metric: string
  readonly ifMet: string
  readonly ifNot: string
}

export interface RowFlip {
  readonly subject: string
  readonly metric: string
  /** The figure would have to be this many times as large. */
  readonly factor: number
  readonly becomes: string
}

/** Weights are tried from this share of theirs on, up to `MOST` times. */
const LEAST = 1 / 64
const MOST = 64
/** Steps of the search, each a factor of 2^(1/4): finer than anybody can justify a weight. */
const STEP = 2 ** 0.25
/** A row that would have to change more than this is no reason for doubt. */
const MOST_CHANGE = 4
/** Row flips that are told. */
const MOST_FLIPS = 8

export function sensitivityOf(table: RowTable, require: readonly Requirement[], weigh: Weights): Sensitivity {
  const now = rank(table, require, weigh)
  const answer = answerText(now)
  return {
    weights: [...weigh.keys()].map(metric => weightFlip(table, require, weigh, metric, answer)),
    requirements: require.flatMap(requirement => {
      const becomes = answerText(
        rank(
          table,
          require.filter(each => each !== requirement),
          weigh,
        ),
      )
      return becomes === answer ? [] : [{ requirement: requirement.name, title: requirement.title, becomes }]
    }),
    missing: missingRows(table, require, weigh, now),
    rows: rowFlips(table, require, weigh, now),
  }
}

/** The answer in a few words; equal for equal answers. */
export function answerText({ outcome, leader, tied, open }: Ranking): string {
  const first = leader === null ? [] : [leader, ...tied].sort()
  switch (outcome) {
    case 'chosen':
      return first[0]
    case 'tied':
      return `a tie of ${first.join(', ')}`
    case 'none':
      return 'no subject'
    case 'undecided':
      return `undecided (${[...first, ...open.filter(name => !first.includes(name))].join(', ')})`
  }
}

function weightFlip(
  table: RowTable,
  require: readonly Requirement[],
  weigh: Weights,
  metric: string,
  answer: string,
): WeightFlip {
  const weight = weigh.get(metric)!
  const at = (factor: number) => answerText(rank(table, require, new Map([...weigh, [metric, weight * factor]])))
  const search = (step: number, end: number) => {
    // With one weight only its size says nothing.
    if (weigh.size < 2) return null
    for (let factor = step; step < 1 ? factor >= end : factor <= end; factor *= step) {
      const becomes = at(factor)
      if (becomes !== answer) return { weight: weight * factor, becomes }
    }
    return null
  }
  return { metric, weight, below: search(1 / STEP, LEAST), above: search(STEP, MOST) }
}

/** The missing rows of hard requirements. (What a weighed row would have to be is in no bounds.) */
function missingRows(table: RowTable, require: readonly Requirement[], weigh: Weights, now: Ranking): MissingRow[] {
  return now.subjects
    .filter(({ subject }) => now.open.includes(subject))
    .flatMap(({ subject, rulings }) =>
      rulings
        .filter(({ standing, row }) => standing === 'open' && row === undefined)
        .flatMap(({ metric, requirement }) => {
          const rule = require.find(({ name }) => name === requirement)!
          const [met, not] = ['meets', 'fails'].map(wanted => {
            const forced: Requirement = {
              ...rule,
              judge: row => (row.source === ASSUMED ? (wanted as 'meets' | 'fails') : rule.judge(row)),
            }
            const all = require.map(each => (each === rule ? forced : each))
            return answerText(rank(table.with(assumed(subject, metric)), all, weigh))
          })
          return met === not ? [] : [{ subject, metric, ifMet: met, ifNot: not }]
        }),
    )
}

const ASSUMED = 'assumed, to see what would follow'

function assumed(subject: string, metric: string): MeshRow {
  return {
    subject,
    version: ANY_VERSION,
    metric,
    unit: metricOf(metric)?.unit ?? '',
    value: 1,
    tag: 'supplied',
    source: ASSUMED,
    date: '9999-12-31',
  }
}

/** The smallest change of each weighed row that gives another answer: the leader's for the worse, the others' for the better. */
function rowFlips(table: RowTable, require: readonly Requirement[], weigh: Weights, now: Ranking): RowFlip[] {
  if (now.leader === null) return []
  const answer = answerText(now)
  const rivals = now.subjects.filter(
    ({ status, gaps }) => status === 'meets' || (status === 'open' && gaps.length === 0),
  )
  const flips = rivals.flatMap(({ subject }) =>
    [...weigh.keys()].flatMap((metric): RowFlip[] => {
      const { row } = table.decision(subject, metric)
      if (row === undefined || metric === 'cost') return []
      const isLower = metricOf(metric)?.better !== 'higher'
      const step = (subject === now.leader) === isLower ? STEP : 1 / STEP
      for (let factor = step; factor <= MOST_CHANGE && factor >= 1 / MOST_CHANGE; factor *= step) {
        const becomes = answerText(rank(table.with(scaled(row, factor)), require, weigh))
        if (becomes !== answer) return [{ subject, metric, factor, becomes }]
      }
      return []
    }),
  )
  return flips.sort((a, b) => Math.abs(Math.log(a.factor)) - Math.abs(Math.log(b.factor))).slice(0, MOST_FLIPS)
}

/** A row with all its figures multiplied. */
export function scaled(row: MeshRow, factor: number): MeshRow {
  const { value, values, interval } = row
  return {
    ...row,
    value: (value as number) * factor,
    ...(values === undefined ? {} : { values: values.map(each => each * factor) }),
    ...(interval === undefined ? {} : { interval: { low: interval.low * factor, high: interval.high * factor } }),
  }
}
