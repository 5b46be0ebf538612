import type { MapHandle } from 'threadmap'

export interface HttpSetup {
  readonly handle: MapHandle<string, number>
  /** `add` in the handler, instead of reading, waiting for something, and writing. */
  readonly right: boolean
}

/** The key that is counted at. */
export const VISITS = 'visits'
