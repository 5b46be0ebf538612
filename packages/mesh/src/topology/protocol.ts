/** How the server of a topology behaves: `slow` answers late, `half-closed` closes in the middle of an answer. */
export type Mode = 'normal' | 'slow' | 'half-closed'

/** Milliseconds until a slow server answers. */
export const SLOW_MS = 500

/** The header that names the version that answered: `stable` or `canary`. */
export const VERSION_HEADER = 'x-version'

export const BODY_BYTES = 1024
