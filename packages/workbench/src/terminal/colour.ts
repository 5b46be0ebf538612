/** Colours for a terminal, not for a pipe. picocolors alone would use colours wherever the environment has CI. */
import picocolors from 'picocolors'

const { FORCE_COLOR, NO_COLOR } = process.env

export const pc = picocolors.createColors(
  NO_COLOR === undefined && (FORCE_COLOR !== undefined || process.stdout.isTTY === true),
)
