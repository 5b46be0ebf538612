/** Which row decides about a subject and a metric. */
import { metricOf } from '../rows/metrics.js'
import { COST_METRICS, type Cost, costOf, type Prices } from '../rows/prices.js'
import type { MeshRow } from '../rows/row.js'
import { ANY_VERSION } from '../rows/supplied.js'
import { NO_EFFECT } from './question.js'

/** The subject that has no proxies: what the others are compared with, and no candidate. */
export const DIRECT = 'direct'
/** A subject of this name and ending is the second part of an A/A pair: what it differs from the first is noise. */
export const AGAIN = '-again'

export interface Candidate {
  readonly subject: string
  /** The version of its newest measured row; undefined if nothing of it was measured and no supplied row names one. */
  readonly version: string | undefined
}

/** The row that decides, or why there is none. */
export type Decision =
  | { readonly row: MeshRow; readonly why?: undefined }
  | { readonly row?: undefined; readonly why: string }

export interface TableOptions {
  /** A part of the name of the workload whose rows decide. */
  readonly workload?: string | undefined
  /** With prices, each candidate has a cost where its terms are known. */
  readonly prices?: Prices | undefined
}

/**
 * The rows of all subjects. A measured row decides before a supplied one, since it is about this machine; of several measured ones the
 * newest does. Published rows decide nothing: they are about other versions, machines and loads.
 */
export class RowTable {
  readonly rows: readonly MeshRow[]
  readonly options: TableOptions
  readonly candidates: readonly Candidate[]
  readonly #workloads = new Map<string, string | undefined>()
  readonly #controls = new Map<string, number>()

  constructor(rows: readonly MeshRow[], options: TableOptions = {}) {
    this.rows = rows.filter(({ tag }) => tag !== 'published')
    this.options = options
    const names = new Set(this.rows.map(({ subject }) => subject))
    this.candidates = [...names]
      .filter(subject => subject !== DIRECT && !subject.endsWith(AGAIN))
      .map(subject => ({ subject, version: this.#versionOf(subject) }))
      .sort((a, b) => (a.subject < b.subject ? -1 : 1))
  }

  /** This table with `row` in place of the row that decides about its subject and metric. */
  with(row: MeshRow): RowTable {
    const { row: old } = this.decision(row.subject, row.metric)
    const workload = row.workload === undefined && old !== undefined ? old.workload : row.workload
    const added: MeshRow = { ...row, ...(workload === undefined ? {} : { workload }) }
    return new RowTable([...this.rows.filter(each => each !== old), added], this.options)
  }

  /** The row that decides about a candidate. */
  decision(subject: string, metric: string): Decision {
    const candidate = this.candidates.find(each => each.subject === subject)
    const own = this.rows.filter(row => row.subject === subject && row.metric === metric)
    const measured = own.filter(({ tag }) => tag === 'measured')
    if (measured.length > 0) {
      const workload = this.workloadOf(metric)
      const fitting = measured.filter(row => workloadName(row) === workload)
      // Only figures depend on a workload so much that others say nothing; the text of an answer or a count may tell its circumstances.
      if (metricOf(metric)?.kind !== 'figure') return { row: newest(fitting.length > 0 ? fitting : measured) }
      if (fitting.length > 0) return this.#usable(newest(fitting))
      return {
        why: `measured with another workload (${measured.map(row => row.workload ?? 'none').join('; ')}), not with ${workload ?? 'none'}`,
      }
    }
    const supplied = own.filter(({ tag }) => tag === 'supplied')
    const fitting = supplied.filter(({ version }) => version === ANY_VERSION || version === candidate?.version)
    if (fitting.length > 0) return this.#usable(newest(fitting))
    if (supplied.length > 0) {
      return { why: `supplied for ${supplied.map(row => row.version).join(', ')}, not for ${candidate?.version}` }
    }
    if (metric === 'cost') return this.#costOf(subject, candidate?.version)
    return { why: 'no row' }
  }

  /** The newest measured row of a change that never took effect; undefined if it has one or was not measured. */
  ineffective(subject: string, metric: string): MeshRow | undefined {
    const own = this.rows.filter(
      row => row.subject === subject && row.metric === metric && row.tag === 'measured' && row.value === NO_EFFECT,
    )
    return own.length === 0 ? undefined : newest(own)
  }

  /** The row of the second part of the subject's A/A pair, in the workload of `row`. */
  again(row: MeshRow): MeshRow | undefined {
    const own = this.rows.filter(
      each =>
        each.subject === row.subject + AGAIN &&
        each.metric === row.metric &&
        each.tag === 'measured' &&
        each.workload === row.workload,
    )
    return own.length === 0 ? undefined : newest(own)
  }

  /** The largest noise that an A/A pair shows for a metric, by `noise` of its two rows; 0 without a pair. */
  controlNoise(metric: string, noise: (once: MeshRow, again: MeshRow) => number): number {
    const known = this.#controls.get(metric)
    if (known !== undefined) return known
    // The baseline is no candidate, but its A/A pair counts.
    const found = [DIRECT, ...this.candidates.map(({ subject }) => subject)].map(subject => {
      const { row } = this.decision(subject, metric)
      const again = row === undefined ? undefined : this.again(row)
      return row === undefined || again === undefined ? 0 : noise(row, again)
    })
    const most = Math.max(0, ...found)
    this.#controls.set(metric, most)
    return most
  }

  /** Whether a measured row of a candidate has the metric. */
  isMeasured(metric: string): boolean {
    return this.rows.some(row => row.metric === metric && row.tag === 'measured' && this.#isCandidate(row.subject))
  }

  /** The workload whose measured rows are compared: the one that is asked for, or else the one that most candidates have. */
  workloadOf(metric: string): string | undefined {
    if (this.#workloads.has(metric)) return this.#workloads.get(metric)
    const subjects = new Map<string | undefined, Set<string>>()
    for (const row of this.rows) {
      if (row.metric !== metric || row.tag !== 'measured' || !this.#isCandidate(row.subject)) continue
      const name = workloadName(row)
      subjects.set(name, (subjects.get(name) ?? new Set()).add(row.subject))
    }
    const { workload: asked } = this.options
    const names = [...subjects.keys()]
    const fitting = asked === undefined ? [] : names.filter(name => name?.includes(asked))
    const [most] = (fitting.length > 0 ? fitting : names).sort((a, b) => subjects.get(b)!.size - subjects.get(a)!.size)
    this.#workloads.set(metric, most)
    return most
  }

  #isCandidate(subject: string): boolean {
    return subject !== DIRECT && !subject.endsWith(AGAIN)
  }

  #versionOf(subject: string): string | undefined {
    const own = this.rows.filter(row => row.subject === subject)
    const measured = own.filter(({ tag }) => tag === 'measured')
    if (measured.length > 0) return newest(measured).version
    return own.find(({ version }) => version !== ANY_VERSION)?.version
  }

  /** Weights compare by ratios, so a figure that is not above 0 is no row for them. */
  #usable(row: MeshRow): Decision {
    if (metricOf(row.metric)?.kind !== 'figure') return { row }
    const all = [row.value, ...(row.values ?? [])]
    const bad = all.find(value => typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
    return bad === undefined ? { row } : { why: `its row says “${bad}”, which is no figure above 0` }
  }

  #costOf(subject: string, version: string | undefined): Decision {
    const { prices } = this.options
    if (prices === undefined) return { why: 'no price list' }
    const { row, missing }: Cost = costOf(subject, version, prices, metric => this.decision(subject, metric).row)
    return row === undefined ? { why: `the cost lacks ${missing.join(', ')}` } : { row }
  }

  /** The metrics that the cost of a candidate lacks; none without prices. */
  missingForCost(subject: string): readonly string[] {
    if (this.options.prices === undefined) return []
    return COST_METRICS.filter(metric => this.decision(subject, metric).row === undefined)
  }
}

/** The name of a row's workload: what comes after a colon are details, such as the steps of a change, which differ between subjects. */
function workloadName({ workload }: MeshRow): string | undefined {
  return workload?.split(': ', 1)[0]
}

/** The row with the latest date, the last of those with one date. */
function newest(rows: readonly MeshRow[]): MeshRow {
  return rows.reduce((latest, row) => (row.date >= latest.date ? row : latest))
}
