/** A/A pairs resampled from rounds of equal targets: whatever differs in them is noise. */
import { rank } from '#mesh/select/rank.js'
import { RowTable } from '#mesh/select/table.js'
import { QUANTILES, type Rounds, rowWith } from './rounds.js'
import { random } from './rows.js'

export const PAIRS = 200

export interface Resampled {
  readonly pairs: number
  /** Pairs in which one of two equals was preferred, by all weights together and by each metric alone. */
  readonly preferred: Readonly<Record<'together' | (typeof QUANTILES)[number], number>>
}

/**
 * Draws `PAIRS` pairs: rounds without replacement, and in each round two different targets. `change` is applied to the figures of the
 * second one.
 */
export function resampled(
  targets: readonly Rounds[],
  rounds: number,
  seed: number,
  change: (value: number) => number = value => value,
): Resampled {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const preferred = { together: 0, p50: 0, p95: 0, p99: 0 }
  const total = targets[0].p50.length
  for (let pair = 0; pair < PAIRS; pair++) {
    const left = Array.from({ length: total }, (_, at) => at)
    const draws = Array.from({ length: rounds }, () => {
      const [round] = left.splice(below(left.length), 1)
      const first = below(targets.length)
      const second = (first + 1 + below(targets.length - 1)) % targets.length
      return { round, first, second }
    })
    const rows = QUANTILES.flatMap(q => [
      rowWith(
        'x',
        q,
        draws.map(({ round, first }) => targets[first][q][round]),
      ),
      rowWith(
        'y',
        q,
        draws.map(({ round, second }) => change(targets[second][q][round])),
      ),
    ])
    const table = new RowTable(rows)
    const isPreferred = (metrics: readonly string[]) =>
      rank(table, [], new Map(metrics.map(metric => [metric, 1]))).outcome === 'chosen'
    if (isPreferred(QUANTILES)) preferred.together++
    for (const q of QUANTILES) if (isPreferred([q])) preferred[q]++
  }
  return { pairs: PAIRS, preferred }
}
