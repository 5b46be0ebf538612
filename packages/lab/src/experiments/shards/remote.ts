import type { BeliefFinding, Context, Table } from '@threadmap/workbench/experiment'
import { contrast, type Spread, spread } from '@threadmap/workbench/statistics'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { allowedProcessors, pin } from '@threadmap/workbench/threads/affinity'
import type { Workload } from '@threadmap/workbench/workload'
import type { MapKind } from 'threadmap'

/** A map in one node's memory, used by threads of that node and by threads of another. */
export interface Remote {
  readonly kind: MapKind
  readonly shards: number
  readonly threads: number
  /** Nanoseconds of an operation in one thread; rounds of the same index ran side by side. */
  readonly local: readonly number[]
  readonly remote: readonly number[]
}

export interface RemoteOptions {
  readonly kind: MapKind
  readonly shards: readonly number[]
  readonly rounds: number
  readonly ms: number
  /** The number of threads is at most this, and at most the number of processors of the smallest node. */
  readonly workload: Workload
  /** Called before each round with the share of the rounds that are done. */
  readonly onRound: (share: number) => void
}

/**
 * Measures local against remote memory. The memory of a map belongs to the node of the thread that first wrote there, so
 * this thread moves to the first node while it fills the map; then the team works from the first node and from the second
 * in turns. Undefined where threads cannot be bound to processors.
 */
export async function remoteAccess(
  { seed, signal }: Context,
  [home, away]: readonly (readonly number[])[],
  { kind, shards, rounds, ms, workload, onRound }: RemoteOptions,
): Promise<Remote[] | undefined> {
  const everywhere = allowedProcessors()
  const threads = Math.min(workload.threads, home.length, away.length)
  const work = { ...workload, threads }
  const found: Remote[] = []
  for (const [at, count] of shards.entries()) {
    const subject = sharedSubject(kind)
    const team = await SubjectTeam.start({ subject, threads, signal, mapOptions: { shards: count } })
    try {
      if (!pin(home)) return undefined
      try {
        await team.prepare(work, sharedOperations(work, seed))
      } finally {
        pin(everywhere)
      }
      const local: number[] = []
      const remote: number[] = []
      const from = async (processors: readonly number[], times: number[]) => {
        await team.pin(processors)
        const { rate } = await team.round({ ms })
        times.push((1000 * threads) / rate)
      }
      for (let round = 0; round < rounds; round++) {
        onRound((at + round / rounds) / shards.length)
        const turns = [() => from(home, local), () => from(away, remote)]
        if (round % 2 === 1) turns.reverse()
        for (const turn of turns) await turn()
      }
      found.push({ kind, shards: count, threads, local, remote })
    } finally {
      await team.stop()
    }
  }
  return found
}

export function remoteTable(found: readonly Remote[]): Table {
  const median = (times: readonly number[]) => spread(times).median
  return {
    title: 'A map in the memory of the first node, used from there and from the second',
    columns: [
      { label: 'map' },
      { label: 'shards' },
      { label: 'threads' },
      { label: 'local', unit: 'ns per operation' },
      { label: 'remote', unit: 'ns per operation' },
      { label: 'remote / local' },
    ],
    rows: found.map(({ kind, shards, threads, local, remote }) => [
      kind,
      shards,
      threads,
      median(local),
      median(remote),
      slowdown({ local, remote }).median,
    ]),
  }
}

/** How many times as long an operation takes from another node, round by round. */
function slowdown({ local, remote }: Pick<Remote, 'local' | 'remote'>): Spread {
  return spread(remote.map((time, round) => time / local[round]))
}

/** Belief 13: more shards lower the latency of remote memory, and its ratio to local memory. */
export function remoteBelief(found: readonly Remote[]): BeliefFinding {
  const [coarse, fine] = [found[0], found[found.length - 1]]
  const { ratio, differs } = contrast(coarse.remote, fine.remote)
  const list = found.map(each => {
    return `${each.shards} shards ${spread(each.remote).median.toFixed(0)} ns, 1:${slowdown(each).median.toFixed(2)}`
  })
  const isLower = differs && ratio > 1 && slowdown(coarse).median > slowdown(fine).median
  return {
    belief: 13,
    verdict: isLower ? 'holds' : 'does not hold',
    measured: `${coarse.kind} from the other node: ${list.join('; ')} (the belief: 8 shards 218 ns, 1:3.2; 64 176, 1:2.6; 256 152, 1:2.1)`,
  }
}
