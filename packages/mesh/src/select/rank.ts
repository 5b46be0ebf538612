/** Which subjects meet the requirements, and which of them the weighed rows prefer. Nothing is guessed: a missing row leaves open what hangs on it. */

import { metricOf, titleOf } from '../rows/metrics.js'
import type { MeshRow } from '../rows/row.js'
import { type Difference, isBetter, placeOf, type WeighedRows, weighedDifference } from './compare.js'
import type { Requirement } from './question.js'
import type { Candidate, RowTable } from './table.js'

export interface Ruling {
  readonly requirement: string
  readonly title: string
  readonly metric: string
  readonly standing: 'meets' | 'fails' | 'open'
  /** The row that decides; undefined if there is none. */
  readonly row: MeshRow | undefined
  /** Why the ruling is open. */
  readonly why?: string
}

export interface Gap {
  readonly metric: string
  readonly why: string
}

export interface Placed extends Candidate {
  /** `excluded`: fails a requirement. `open`: a row is missing that could change the answer. */
  readonly status: 'meets' | 'open' | 'excluded'
  readonly rulings: readonly Ruling[]
  /** The weighed metrics without a row. */
  readonly gaps: readonly Gap[]
  /** How many times as much of the weighed metrics it takes as the leader, as a weighed mean; null if that cannot be said. */
  readonly timesLeader: number | null
  /** The size from which on a difference to the leader is beyond the noise, as a factor; null for the leader. */
  readonly visible: number | null
  /** Subjects that are no worse in any weighed metric and better in one, beyond the noise; null if it lacks a row. Empty: on the Pareto front. */
  readonly dominatedBy: readonly string[] | null
}

export type Outcome = 'chosen' | 'tied' | 'undecided' | 'none'

export interface Ranking {
  /** `chosen`: one subject, and no missing row can change that. `none`: no subject meets the requirements. */
  readonly outcome: Outcome
  /** The best by its rows of those that meet every requirement and have every weighed row; null if there is none. It ties with `tied`. */
  readonly leader: string | null
  /** Subjects that cannot be told from the leader. */
  readonly tied: readonly string[]
  /** Open subjects that could change the answer. */
  readonly open: readonly string[]
  /** All subjects: from the leader on those that have a place, then open ones, then excluded ones. */
  readonly subjects: readonly Placed[]
}

export type Weights = ReadonlyMap<string, number>

export function rank(table: RowTable, require: readonly Requirement[], weigh: Weights): Ranking {
  const all = table.candidates.map(candidate => {
    const rulings = [
      ...require.map(requirement => rulingOf(table, candidate.subject, requirement)),
      ...[...weigh.keys()].flatMap(metric => withoutEffect(table, candidate.subject, metric)),
    ]
    const rows = new Map<string, MeshRow>()
    const gaps: Gap[] = []
    for (const metric of weigh.keys()) {
      const { row, why } = table.decision(candidate.subject, metric)
      if (row === undefined) gaps.push({ metric, why })
      else rows.set(metric, row)
    }
    const isOut = rulings.some(({ standing }) => standing === 'fails')
    const isOpen = gaps.length > 0 || rulings.some(({ standing }) => standing === 'open')
    const status: Placed['status'] = isOut ? 'excluded' : isOpen ? 'open' : 'meets'
    return { ...candidate, rulings, rows, gaps, status }
  })
  const meets = all.filter(({ status }) => status === 'meets')
  const open = all.filter(({ status }) => status === 'open')
  const leader = bestOf(meets, weigh)
  const toLeader = (rows: WeighedRows): Difference =>
    leader === undefined || weigh.size === 0 ? { log: 0, noise: 0 } : weighedDifference(table, weigh, rows, leader.rows)
  // A tie is mutual: the leader does not beat it beyond the noise.
  const isBeaten = (rows: WeighedRows) => {
    const { log, noise } = toLeader(rows)
    return log > noise
  }
  const tied = meets.filter(each => each !== leader && !isBeaten(each.rows))
  const unsettled = open.filter(
    each => each.gaps.length > 0 || leader === undefined || weigh.size === 0 || !isBeaten(each.rows),
  )
  const rivals = all.filter(({ status, gaps }) => status !== 'excluded' && gaps.length === 0)
  const placed = all.map(({ rows, ...each }): Placed => {
    const isWhole = each.gaps.length === 0
    const { log, noise } = isWhole ? toLeader(rows) : { log: 0, noise: 0 }
    const hasPlace = isWhole && leader !== undefined && weigh.size > 0
    return {
      ...each,
      timesLeader: hasPlace ? Math.exp(log) : null,
      visible: hasPlace && each.subject !== leader.subject ? Math.exp(noise) : null,
      dominatedBy: isWhole
        ? rivals.filter(rival => dominates(table, weigh, rival.rows, rows)).map(({ subject }) => subject)
        : null,
    }
  })
  return {
    outcome: outcomeOf(meets.length, unsettled.length, tied.length, open.length),
    leader: leader?.subject ?? null,
    tied: tied.map(({ subject }) => subject),
    open: unsettled.map(({ subject }) => subject),
    subjects: placed.sort(inOrder),
  }
}

function outcomeOf(meets: number, unsettled: number, tied: number, open: number): Outcome {
  if (meets === 0 && open === 0) return 'none'
  if (meets === 0 || unsettled > 0) return 'undecided'
  return tied > 0 ? 'tied' : 'chosen'
}

function rulingOf(table: RowTable, subject: string, { name, title, metric, judge }: Requirement): Ruling {
  const { row, why } = table.decision(subject, metric)
  const about = { requirement: name, title, metric, row }
  if (row === undefined) {
    const ignored = table.ineffective(subject, metric)
    return ignored === undefined ? { ...about, standing: 'open', why } : { ...about, row: ignored, standing: 'fails' }
  }
  const standing = judge(row)
  if (standing !== 'unsure') return { ...about, standing }
  const reason =
    typeof row.value === 'number' ? 'the limit lies inside its noise' : `“${row.value}” does not answer the requirement`
  return { ...about, standing: 'open', why: reason }
}

/** The ruling on a subject whose change never took effect: it has no time to weigh, and a figure for it would be a guess. */
function withoutEffect(table: RowTable, subject: string, metric: string): Ruling[] {
  const row = table.ineffective(subject, metric)
  if (row === undefined) return []
  const title = `${titleOf(metric)}: has an effect`
  return [{ requirement: metric, title, metric, standing: 'fails', row }]
}

/** The subject with the lowest weighed mean of places; the first by name of equal ones, since then they tie. */
function bestOf<One extends { readonly rows: WeighedRows }>(all: readonly One[], weigh: Weights): One | undefined {
  const place = ({ rows }: One) =>
    [...weigh].reduce((sum, [metric, weight]) => sum + weight * placeOf(rows.get(metric)!), 0)
  const [first, ...others] = all
  return first === undefined
    ? undefined
    : others.reduce((best, each) => (place(each) < place(best) ? each : best), first)
}

/** Pareto's dominance, with ties: no metric is worse beyond the noise, and one is better beyond it. */
function dominates(table: RowTable, weigh: Weights, a: WeighedRows, b: WeighedRows): boolean {
  if (a === b || weigh.size === 0) return false
  const each = [...weigh.keys()].map(metric => weighedDifference(table, new Map([[metric, 1]]), a, b))
  return each.every(({ log, noise }) => log <= noise) && each.some(isBetter)
}

const ORDER: Readonly<Record<Placed['status'], number>> = { meets: 0, open: 1, excluded: 2 }

function inOrder(a: Placed, b: Placed): number {
  return (
    ORDER[a.status] - ORDER[b.status] ||
    (a.timesLeader ?? Number.POSITIVE_INFINITY) - (b.timesLeader ?? Number.POSITIVE_INFINITY) ||
    (a.subject < b.subject ? -1 : 1)
  )
}

/** What would close a gap: `measure ...` where a run can, `supply ...` otherwise. */
export function nextStep(subject: string, metric: string, why: string, isWeighed: boolean): string {
  const known = metricOf(metric)
  const of = `${known?.title ?? metric} (${metric}) of ${subject}`
  const because = why === 'no row' ? '' : `: ${why}`
  if (known?.measurable !== true) return `supply ${of}${because}`
  // Supplied figures are in no measured ranking, so that only a measurement gives a weighed metric a place.
  return isWeighed ? `measure ${of}${because}` : `measure or supply ${of}${because}`
}
