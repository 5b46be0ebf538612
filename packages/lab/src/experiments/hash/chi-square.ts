/** The sum of (observed - expected)^2 / expected. (The test of simple-statistics needs a distribution to fit, and ends at 100 degrees of freedom.) */
export function chiSquaredStatistic(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
