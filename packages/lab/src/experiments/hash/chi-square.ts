/** The sum of (observed - expected)^2 / expected. (simple-statistics' test wants a distribution to fit, and stops at 100 degrees.) */
export function chiSquaredStatistic(counts: readonly number[], expected: number): number {
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}
