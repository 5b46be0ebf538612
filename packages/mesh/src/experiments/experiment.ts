import type { Chart, Table } from '@threadmap/workbench/experiment'
import type { MeshRow } from '../rows/row.js'
import type { Running, Topology } from '../topology/topology.js'

/** A procedure over subjects that run. It knows measuring and nothing of a proxy. */
export interface MeshExperiment {
  readonly name: string
  readonly title: string
  /** The method, in a paragraph. */
  readonly method: string
  /** Whether `--quick` leaves it to the whole run, unless `--only` names it: it does not fit into three minutes. */
  readonly isLong?: boolean
  /** Seconds for a number of subjects, roughly. */
  seconds(subjects: number, quick: boolean, soakHours: number): number
  run(context: MeshContext): Promise<MeshOutcome>
}

export interface MeshContext {
  readonly topology: Topology
  readonly quick: boolean
  /** Whether faults and soaks take as long as they need to show what is rare. */
  readonly full: boolean
  readonly seed: number
  /** Hours of the soak; 0 without one. */
  readonly soakHours: number
  readonly signal: AbortSignal
  /** The share that is done (0 to 1), and the current work in a few words. */
  progress(share: number, doing: string): void
  /** A part that is left out, and why. */
  leaveOut(what: string, why: string): void
  /** What the experiment kept of itself before the run was interrupted; undefined at its first start. */
  readonly draft: unknown
  /** Keeps what is known so far, and, as plain data, what it needs to go on from there when the run is continued. */
  keep(outcome: MeshOutcome, draft: unknown): void
  /** A row about a running subject, with version, date and machine. */
  row(subject: Running | string, row: RowContent): MeshRow
}

export type RowContent = Pick<MeshRow, 'metric' | 'unit' | 'interval'> & {
  /** Several values are those of rounds: the row has their quartiles. A single one may come with an interval of its own. */
  readonly value: number | string | readonly number[]
  readonly workload?: string
}

/** Plain data. */
export interface MeshOutcome {
  readonly rows: readonly MeshRow[]
  readonly charts: readonly Chart[]
  readonly tables: readonly Table[]
  /** One plain sentence each; the first is the headline. */
  readonly findings: readonly string[]
}
