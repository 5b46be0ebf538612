import { random, type Workload } from '@threadmap/workbench/workload'
import type { MixDetails } from '#lab/experiments/mix/index.js'

export type MixCells = MixDetails['cells']

interface Planted {
  readonly seed: number
  /** Rounds differ by up to this share. */
  readonly noise: number
  /** All maps are as fast as each other. */
  readonly isFlat?: boolean
}

/** A matrix whose fastest map is known: FastMap from 90% reads on, ShardedMap below, a plain Map for one thread. */
export function plantedCells({ seed, noise, isFlat = false }: Planted): MixCells {
  const next = random(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]
  return Array.from({ length: 60 }, (_, i) => {
    const workload: Workload = {
      reads: pick([99, 90, 50, 10]),
      keys: pick([256, 4096, 65_536]),
      zipf: pick([0, 0.99]),
      threads: pick([1, 2]),
      valueBytes: pick([8, 64, 512]),
      churn: pick([0, 50]),
    }
    const rounds = (speed: number) => [0, 1, 2, 3, 4].map(() => speed * (1 + noise * (2 * next() - 1)))
    const isRead = workload.reads >= 90
    const speeds: Record<string, number> = {
      RWMutexMap: isFlat ? 10 : 5,
      SyncMap: isFlat ? 10 : 4,
      ShardedMap: isFlat ? 10 : isRead ? 10 : 14,
      FastMap: isFlat ? 10 : isRead ? 20 : 9,
      'plain Map per thread': 40,
      'message passing': 1,
      'Go sync.Map': 99,
    }
    const subjects = Object.entries(speeds).map(([name, speed]) => ({ name, rounds: rounds(speed) }))
    return { workload, heldOut: i % 4 === 3, subjects }
  })
}
