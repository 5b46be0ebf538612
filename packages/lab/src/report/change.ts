import type { Evidence } from '@threadmap/workbench/evidence'

/** One figure that both runs have. */
export interface Change {
  readonly before: Evidence
  readonly after: Evidence
  /** after / before. */
  readonly ratio: number
  /** Whether the change is outside the noise of both runs, and large enough to matter. */
  readonly isChange: boolean
  /** Whether the change is an improvement; undefined where the metric does not say. */
  readonly isBetter: boolean | undefined
}
