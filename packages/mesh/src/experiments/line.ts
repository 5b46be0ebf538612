/** Straight lines through measured points, and how sure their slopes are. */
import { student } from '@threadmap/workbench/blocks'
import { mean, quantile } from '@threadmap/workbench/statistics'

export interface Point {
  readonly x: number
  readonly y: number
}

/** An estimate with its 95% interval. */
export interface Estimate {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** The slope of the line by least squares; NaN unless two points differ in x. */
export function slopeOf(points: readonly Point[]): number {
  const { xy, xx } = sums([points])
  return xy / xx
}

/** The mean of independent repetitions with Student's interval; unbounded for a single one. */
export function estimateOf(values: readonly number[]): Estimate {
  const value = mean(values)
  if (values.length < 2) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (values.length - 1)
  const half = student(values.length - 1) * Math.sqrt(variance / values.length)
  return { value, low: value - half, high: value + half }
}

/**
 * The slope that several series have in common, each at a height of its own: a series ends where its process does. Samples of a process
 * that follow each other depend on each other and would make the interval far too narrow, so a series counts by the medians of its
 * blocks, of which there are `blocks` over all. Undefined if these are too few for an interval.
 */
export function commonSlope(series: readonly (readonly Point[])[], blocks: number): Estimate | undefined {
  const lengths = series.map(points => (points.length < 2 ? 0 : points.at(-1)!.x - points[0].x))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const blocked = series
    .map((points, at) => medians(points, Math.min(points.length, Math.round((blocks * lengths[at]) / total))))
    .filter(points => points.length >= 2)
  const count = blocked.reduce((sum, points) => sum + points.length, 0)
  const degrees = count - blocked.length - 1
  if (degrees < 1) return undefined
  const { xy, xx, yy } = sums(blocked)
  const value = xy / xx
  // What is left over may come out a little below 0 for points that lie on a line.
  const half = student(degrees) * Math.sqrt(Math.max(0, yy - value * xy) / degrees / xx)
  return { value, low: value - half, high: value + half }
}

/** The points in `count` groups of equal numbers, each as its medians. */
function medians(points: readonly Point[], count: number): Point[] {
  return Array.from({ length: count }, (_, at) => {
    const block = points.slice(Math.floor((at * points.length) / count), Math.floor(((at + 1) * points.length) / count))
    const middle = (of: (point: Point) => number) => quantile(block.map(of), 0.5)
    return { x: middle(({ x }) => x), y: middle(({ y }) => y) }
  })
}

/** Sums of squares and products around the means of each series. */
function sums(series: readonly (readonly Point[])[]): { xy: number; xx: number; yy: number } {
  let [xy, xx, yy] = [0, 0, 0]
  for (const points of series) {
    const [x, y] = [mean(points.map(point => point.x)), mean(points.map(point => point.y))]
    for (const point of points) {
      xy += (point.x - x) * (point.y - y)
      xx += (point.x - x) ** 2
      yy += (point.y - y) ** 2
    }
  }
  return { xy, xx, yy }
}
