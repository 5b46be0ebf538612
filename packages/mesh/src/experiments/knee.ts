/** Up to which rate a pair of sidecars keeps its objective, and what it does there. */
import type { Objective } from '@threadmap/workbench/load/knee/knees'
import { OVERLOAD, type Steps, stepLoad } from '@threadmap/workbench/load/knee/step-load'
import type { Resources } from '@threadmap/workbench/load/step'
import {
  type PairTarget,
  portsOf,
  type Sidecars,
  startPairTarget,
  TRAFFIC_TITLES,
  type Traffic,
} from '../load/pair-target.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { kneeOutcome, type Ladders } from './knee-outcome.js'
import { carriers } from './latency.js'
import { DIRECT, DIRECT_AGAIN } from './latency-outcome.js'

/**
 * A fifth of the 50 ms that the lab's step load takes for the delay which a user does not notice, since a request passes several pairs on its way
 * through a mesh.
 */
const OBJECTIVE: Objective = { p95: 10, success: 0.999 }

/** Clients of the steps, and so their rates: 40% to 150% of the ceiling, closer together where the knee is to be expected. */
const CLIENTS: readonly number[] = [8, 12, 14, 16, 18, 20, 24, 30]
const CLOSED_CLIENTS = 32
const TRAFFICS: readonly Traffic[] = ['http', 'grpc']

const EFFORT = {
  quick: { rounds: 1, ms: 200, closedMs: 200 },
  full: { rounds: 2, ms: 300, closedMs: 300 },
}
/** Closed loops of a target, as a rule, and milliseconds after each step until all is answered, for the forecast. */
const CLOSED_LOOPS = 3
const BETWEEN_MS = 60

export const knee: MeshExperiment = {
  name: 'knee',
  title: 'Up to which rate does a pair keep its objective?',
  method:
    `For HTTP/1.1 and for gRPC, ${CLOSED_CLIENTS} clients in a closed loop find the highest throughput of each pair and, twice, of the direct connection. Then an open loop sends at rates from ${percent(CLIENTS[0])} to ${OVERLOAD * 100}% of that. ` +
    `The knee is the last of these rates at which the added P95 is at most ${OBJECTIVE.p95} ms and ${OBJECTIVE.success * 100}% of the requests succeed, while the next rate breaks that; it is also looked for where the added P95 bends upward (Kneedle). ` +
    'What a pair adds is its P95 less that of the direct connection at the same rate: the lower of both direct ladders, since a disturbance only adds, and between two steps of a ladder by a straight line. Server, load generator and sidecars share the cores, so these are rates of this machine, not of a proxy alone; targets take turns.',
  isLong: true,
  seconds(subjects, quick) {
    const { rounds, ms, closedMs } = EFFORT[quick ? 'quick' : 'full']
    const ladder = CLIENTS.length * (ms + BETWEEN_MS) + CLOSED_LOOPS * (closedMs + BETWEEN_MS)
    return ((subjects + 2) * TRAFFICS.length * rounds * ladder) / 1000
  },
  run,
}

function percent(clients: number): string {
  return `${Math.round((100 * OVERLOAD * clients) / CLIENTS[CLIENTS.length - 1])}%`
}

interface Climbing {
  readonly name: string
  readonly running: Running | undefined
  readonly target: PairTarget
  readonly ladders: Steps<Resources & Sidecars>[]
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const all: Ladders[] = []
  for (const [at, traffic] of TRAFFICS.entries()) {
    const progress = (share: number, doing: string) =>
      context.progress((at + share) / TRAFFICS.length, `${TRAFFIC_TITLES[traffic]}, ${doing}`)
    all.push({ traffic, targets: await climb(traffic, context, progress) })
  }
  return kneeOutcome(all, OBJECTIVE, context)
}

async function climb(
  traffic: Traffic,
  context: MeshContext,
  progress: (share: number, doing: string) => void,
): Promise<readonly Omit<Climbing, 'target'>[]> {
  const { topology, quick, signal, seed } = context
  const { rounds, ms, closedMs } = EFFORT[quick ? 'quick' : 'full']
  const all: Climbing[] = []
  const add = async (name: string, running?: Running) => {
    const pair = running?.pair
    const ports = pair === undefined ? { http: topology.origin.stable, grpc: topology.origin.stable } : portsOf(pair)
    all.push({ name, running, target: await startPairTarget({ name, traffic, ports, pair, signal }), ladders: [] })
  }
  try {
    await add(DIRECT)
    for (const running of carriers(traffic, context)) await add(running.pair.subject, running)
    await add(DIRECT_AGAIN)
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const { name, target, ladders } = all[(turn + round) % all.length]
        const ladder = await stepLoad(target, {
          closed: [CLOSED_CLIENTS],
          closedMs,
          clients: CLIENTS,
          ms,
          // Every request that takes processor time has to be counted.
          warmUpMs: 0,
          // Rounds with the same rates can be compared step by step.
          ratePerClient: ladders[0]?.ratePerClient,
          seed: seed + round,
          signal,
          progress: (share, doing) =>
            progress((round * all.length + turn + share) / (rounds * all.length), `${name}, ${doing}`),
        })
        ladders.push(ladder)
      }
    }
    return all
  } finally {
    await Promise.all(all.map(({ target }) => target.stop()))
  }
}
