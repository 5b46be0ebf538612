import type { Context } from '@threadmap/workbench/experiment'
import { type GoMap, GoProcess, goProgram } from '@threadmap/workbench/go/program'
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { GO_RWMUTEX, GO_SHARDED, GO_SYNC_MAP } from '@threadmap/workbench/subjects/subject'
import { WARM_UP_MS } from '@threadmap/workbench/subjects/team'
import type { Cell } from './cells.js'
import type { SubjectRounds } from './measure.js'

const MAPS: readonly (readonly [string, GoMap])[] = [
  [GO_SYNC_MAP.name, 'sync.Map'],
  [GO_RWMUTEX.name, 'RWMutex+map'],
  [GO_SHARDED.name, 'sharded'],
]

interface GoOptions {
  readonly rounds: number
  readonly ms: number
  readonly context: Context
  readonly leaveOut: (what: string, why: string) => void
}

/**
 * Measures Go's maps on these workloads, with the operations of the same seed, in one process per map and workload. Empty without
 * Go, and in the quick lab, which does not wait for a compiler.
 */
export async function goRounds(
  cells: readonly Cell[],
  { rounds, ms, context, leaveOut }: GoOptions,
): Promise<SubjectRounds[][]> {
  const none = cells.map(() => [])
  if (context.quick) {
    leaveOut("Go's maps", 'the quick lab leaves them out; the full lab measures them')
    return none
  }
  if (cells.some(({ workload }) => workload.valueType === 'objects')) {
    leaveOut("Go's maps", 'they take part with numbers and text only')
    return none
  }
  let program: string
  try {
    program = await goProgram()
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    leaveOut("Go's maps", error.message)
    return none
  }
  const found: SubjectRounds[][] = []
  for (const { workload } of cells) {
    const row: SubjectRounds[] = []
    for (const [name, map] of MAPS) {
      context.signal.throwIfAborted()
      const running = await GoProcess.start(program, map, workload, context.seed, context.signal)
      try {
        const rates: number[] = []
        for (let round = 0; round < rounds; round++) rates.push(await running.round(ms, WARM_UP_MS))
        row.push({ name, rounds: rates })
      } finally {
        running.stop()
      }
    }
    found.push(row)
  }
  return found
}
