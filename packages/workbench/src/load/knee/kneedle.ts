/** How a curve bends; both rise. */
export type Bend = 'convex' | 'concave'

/** The fall of the difference curve after a maximum, in mean distances of x, that makes it a knee: the authors' setting for few points. */
const SENSITIVITY = 1

/**
 * The index of the point where a rising curve bends most, or undefined if it does not bend. Both axes are scaled to 0 to 1, and
 * the knee is the point where the curve is farthest from the diagonal, provided that the curve then returns towards it.
 * Of several such points it is the farthest. `x` ascends.
 *
 * Source: V. Satopää et al., "Finding a 'Kneedle' in a Haystack", 2011. Their smoothing spline is left out: a step load
 * has a handful of points, each the mean of thousands.
 */
export function kneedle(x: readonly number[], y: readonly number[], bend: Bend): number | undefined {
  const last = x.length - 1
  if (last < 2) return undefined
  const low = Math.min(...y)
  const range = Math.max(...y) - low
  if (range === 0) return undefined
  const difference = x.map((value, i) => {
    const across = (value - x[0]) / (x[last] - x[0])
    const up = (y[i] - low) / range
    return bend === 'convex' ? across - up : up - across
  })
  const drop = SENSITIVITY / last
  let knee: number | undefined
  for (let i = 1; i < last; i++) {
    const top = difference[i]
    if (top < difference[i - 1] || top < difference[i + 1]) continue
    if (knee !== undefined && top <= difference[knee]) continue
    const falls = difference.slice(i + 1).some(value => value < top - drop)
    if (falls) knee = i
  }
  return knee
}
