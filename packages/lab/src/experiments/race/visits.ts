import type { MapHandle } from 'threadmap'

export interface HttpSetup {
  readonly handle: MapHandle<string, number>
  /** The handler calls `add`, instead of reading, waiting for something, and writing. */
  readonly right: boolean
}

/** The key of the counter. */
export const VISITS = 'visits'
