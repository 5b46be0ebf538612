/** Colours for a terminal. Not for a pipe, also where the environment says CI, which picocolors alone would take for a wish. */
import picocolors from 'picocolors'

const { FORCE_COLOR, NO_COLOR } = process.env

export const pc = picocolors.createColors(
  NO_COLOR === undefined && (FORCE_COLOR !== undefined || process.stdout.isTTY === true),
)
