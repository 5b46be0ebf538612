import { SubjectError } from '@threadmap/workbench/errors'
import { createMap, MAP_KINDS, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { AGAIN, PRIVATE, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { disturbedBy, OthersWatch } from '@threadmap/workbench/threads/others'
import { Team } from '@threadmap/workbench/threads/team'
import type { SubjectRounds } from '../experiments/mix/measure.js'
import { codecsOf, fillFor, type ReplayMap } from './entries.js'
import type { Plan } from './plan.js'
import type { ReplayCommand, ReplayReply, ReplaySetup } from './worker.js'

export interface ReplayOptions {
  /** How often everything begins anew; 1 without it. */
  readonly blocks?: number
  /** Rounds in each block. */
  readonly rounds: number
  readonly ms: number
  readonly signal: AbortSignal
  readonly onProgress?: (share: number, doing: string) => void
}

const WARM_UP_MS = 10

interface Player {
  readonly name: string
  readonly map: ReplayMap | undefined
  readonly team: Team<ReplayCommand, ReplayReply>
  readonly rates: number[]
}

/**
 * Replays a plan against every map that its number of threads allows, one of them twice (`AGAIN`), and against a plain `Map` per thread, which shares
 * nothing. Rounds are interleaved; each block has fresh maps and fresh threads. Throws `SubjectError` if a read does not find an entry
 * that the map must have.
 */
export async function replay(plan: Plan, options: ReplayOptions): Promise<SubjectRounds[]> {
  const { blocks = 1, rounds } = options
  const found = new Map<string, number[]>()
  const watch = new OthersWatch()
  for (let block = 0; block < blocks; block++) {
    const onProgress = (share: number, doing: string) => options.onProgress?.((block + share) / blocks, doing)
    for (const { name, rates } of await replayBlock(plan, block, { ...options, onProgress })) {
      found.set(name, [...(found.get(name) ?? []), ...rates])
    }
  }
  const others = disturbedBy(watch.stop())
  return [...found].map(([name, rates]) => ({ name, rounds: rates, perBlock: rounds, others }))
}

async function replayBlock(plan: Plan, block: number, options: ReplayOptions): Promise<readonly Player[]> {
  const { rounds, ms, signal, onProgress } = options
  const shared = [...(plan.threads === 1 ? MAP_KINDS : SAFE_KINDS).map(sharedSubject), AGAIN]
  const players: Player[] = []
  try {
    for (const [at, { name, kind }] of shared.entries()) {
      if (kind === undefined) continue
      onProgress?.((0.3 * at) / shared.length, `filling ${name} with ${plan.entries.toLocaleString('en-US')} entries`)
      const map = createMap<unknown, unknown>(kind, codecsOf(plan).options)
      // The next player starts only when this one is stored, so that a failure in between leaves no thread behind.
      players.push({ name, map, team: await teamFor(name, plan, map, signal), rates: [] })
    }
    players.push({
      name: PRIVATE.name,
      map: undefined,
      team: await teamFor(PRIVATE.name, plan, undefined, signal),
      rates: [],
    })
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < players.length; turn++) {
        const player = players[(turn + round + block) % players.length]
        onProgress?.(0.3 + (0.7 * (round * players.length + turn)) / (rounds * players.length), player.name)
        const replies = await player.team.ask({ ms, warmUpMs: round === 0 ? 4 * WARM_UP_MS : WARM_UP_MS })
        const lost = replies.reduce((sum, { expected, found }) => sum + expected - found, 0)
        if (lost !== 0)
          throw new SubjectError(`${player.name}: ${lost} reads did not find what was there, or found what was not`)
        player.rates.push(replies.reduce((sum, reply) => sum + reply.operations / reply.ms, 0) / 1000)
      }
    }
    return players
  } finally {
    await Promise.all(players.map(({ team }) => team.stop()))
    for (const { map } of players) map?.[Symbol.dispose]()
  }
}

function teamFor(
  name: string,
  plan: Plan,
  map: ReplayMap | undefined,
  signal: AbortSignal,
): Promise<Team<ReplayCommand, ReplayReply>> {
  if (map !== undefined) fillFor(map, plan)
  return Team.start<ReplaySetup, ReplayCommand, ReplayReply>({
    name,
    program: new URL('./worker.js', import.meta.url),
    members: plan.threads,
    setup: () => ({ plan, handle: map?.handle as ReplaySetup['handle'] }),
    signal,
  })
}
