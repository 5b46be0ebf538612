/** What a fault is: a way to plant it into a pair under load, and to take it away again. */
import type { Link } from '../../links/link.js'
import type { Stream } from '../../load/stream.js'
import type { Running } from '../../topology/topology.js'
import type { MeshContext } from '../experiment.js'

/** Milliseconds after which a supervisor, which is ours, starts a dead process again. */
export const SUPERVISOR_MS = 500
/** How often a pair with retries sends a failed request again. */
export const RETRIES = 2

/** The pair that a fault is planted into. */
export interface Target {
  readonly running: Running
  /** The link between the two sidecars, and the one to the control plane: only pairs that are started for it have them. */
  readonly links: { readonly peer?: Link; readonly control?: Link }
  /** The requests over open connections. */
  readonly stream: Stream
}

export interface Fault {
  readonly name: string
  readonly title: string
  /**
   * `as it comes`: the pair of all experiments. `retries`: once a pair without retries, once one with `RETRIES`. `linked`: a pair with links of ours
   * between the sidecars, and to its control plane.
   */
  readonly pair: 'as it comes' | 'retries' | 'linked'
  /** Whether `--quick` plants it. */
  readonly inQuick?: boolean
  /** Requests per second, if not the usual number. */
  readonly rate?: number
  /** Whether requests over new connections flow too: they tell what the open ones do not see. */
  readonly hasNewConnections?: boolean
  /** Seconds that it takes for a subject and pair, beyond those of all faults; the share of subjects that have it, roughly (1 if left out). */
  readonly seconds: number
  readonly share?: number
  /** Why it cannot be planted into this subject; undefined if it can. */
  lack?(running: Running): string | undefined
  /** Plants it and takes it away again. */
  plant(target: Target, context: MeshContext): Promise<Planted>
}

export interface Planted {
  /** What there is to say beyond the requests, in a few words. */
  readonly note?: string
  /** When the fault began, in ms of `performance.now()`, if that was not at once. */
  readonly since?: number
}
