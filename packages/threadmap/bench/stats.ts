/** A median with its spread: the smallest and largest of the rounds. */
export interface Summary {
  median: number
  min: number
  max: number
}

export function summarize(values: number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted[sorted.length - 1] }
}

/** Ratios of two subjects round by round: what disturbs the machine for a while disturbs both sides of a ratio. */
export function ratios(of: number[], against: number[]): number[] {
  return of.map((value, i) => value / against[i])
}
