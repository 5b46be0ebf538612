/** What a pair of sidecars adds to latency, and what it costs in processor time and memory: by HTTP/1.1, by gRPC, and by both. */
import {
  type PairStep,
  type PairTarget,
  perThousand,
  portsOf,
  startPairTarget,
  TRAFFIC_TITLES,
  type Traffic,
} from '../load/pair-target.js'
import { pssMegabytes } from '../processes/cost.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { DIRECT, DIRECT_AGAIN, latencyOutcome, type Measured } from './latency-outcome.js'

/** Requests per second: far from the capacity of two cores. */
export const RATE = 300
const CLIENTS = 10

interface Plan {
  readonly name: string
  readonly traffic: Traffic
  readonly title: string
  /** What is sent, for the method. */
  readonly sent: string
  readonly isLong: boolean
  readonly rounds: Readonly<Record<Length, number>>
  readonly roundMs: Readonly<Record<Length, number>>
}

type Length = 'quick' | 'full'

/** Milliseconds between two rounds, for the forecast: what is missing is answered, and figures are read. */
const BETWEEN_MS = 150

const SAME =
  'Latency counts from the intended send time. Targets take turns, and each round begins with another one; what a pair adds is its quantile less that of the direct connection in the same round. ' +
  "Processor time is the scheduler's, of all threads of both sidecars; memory is their proportional set size after each round. Two subjects are told apart only if the quartiles of their ratios, round by round, lie on one side of 1."

function latencyOf({ name, traffic, title, sent, isLong, rounds, roundMs }: Plan): MeshExperiment {
  const lengthOf = (quick: boolean): Length => (quick ? 'quick' : 'full')
  return {
    name,
    title,
    method: `An open loop sends ${RATE} requests per second (${sent}) through each pair and, twice, directly: client, sidecar, mTLS 1.3, sidecar, server, all on the loopback interface. ${SAME}`,
    isLong,
    seconds: (subjects, quick) =>
      ((subjects + 2) * (rounds[lengthOf(quick)] + 1) * (roundMs[lengthOf(quick)] + BETWEEN_MS)) / 1000,
    run: context =>
      run(context, { traffic, rounds: rounds[lengthOf(context.quick)], ms: roundMs[lengthOf(context.quick)] }),
  }
}

export const latency = latencyOf({
  name: 'latency',
  traffic: 'http',
  title: 'What does a pair of sidecars add, and what does it cost?',
  sent: `answers of 1 KB, HTTP/1.1, ${CLIENTS} connections that stay`,
  isLong: false,
  rounds: { quick: 4, full: 9 },
  roundMs: { quick: 500, full: 2000 },
})

export const latencyGrpc = latencyOf({
  name: 'latency-grpc',
  traffic: 'grpc',
  title: 'What does a pair of sidecars add to gRPC, and what does it cost?',
  sent: `unary calls of gRPC over HTTP/2, without TLS up to the client's sidecar and from the server's; answers of 1 KB with their status in trailers, ${CLIENTS} clients with a connection each that stays`,
  isLong: false,
  rounds: { quick: 3, full: 6 },
  roundMs: { quick: 250, full: 1200 },
})

export const latencyMix = latencyOf({
  name: 'latency-mix',
  traffic: 'mix',
  title: 'What does a pair of sidecars add to HTTP/1.1 and gRPC together, and what does it cost?',
  sent: `half HTTP/1.1 and half unary calls of gRPC, by ${CLIENTS / 2} clients of each that take turns`,
  isLong: true,
  rounds: { quick: 3, full: 5 },
  roundMs: { quick: 250, full: 1200 },
})

interface Target extends Measured {
  readonly target: PairTarget
  readonly steps: PairStep[]
  readonly processor: { readonly client: number; readonly server: number }[]
  readonly memory: number[]
}

interface Effort {
  readonly traffic: Traffic
  readonly rounds: number
  readonly ms: number
}

async function run(context: MeshContext, { traffic, rounds, ms }: Effort): Promise<MeshOutcome> {
  const { topology, signal, seed } = context
  const all: Target[] = []
  const add = async (name: string, running?: Running) => {
    const pair = running?.pair
    const ports = pair === undefined ? { http: topology.origin.stable, grpc: topology.origin.stable } : portsOf(pair)
    const target = await startPairTarget({ name, traffic, ports, pair, signal })
    all.push({ name, running, target, steps: [], processor: [], memory: [] })
  }
  try {
    await add(DIRECT)
    for (const running of carriers(traffic, context)) await add(running.pair.subject, running)
    await add(DIRECT_AGAIN)
    // The first round counts nowhere: connections are made and code is compiled.
    for (let round = 0; round <= rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        signal.throwIfAborted()
        const { name, running, target, steps, processor, memory } = all[(turn + round) % all.length]
        context.progress(
          (round * all.length + turn) / ((rounds + 1) * all.length),
          `${name}, round ${round} of ${rounds}`,
        )
        // No warm-up: every request that takes processor time has to be counted.
        const step = await target.step({ clients: CLIENTS, rate: RATE, warmUpMs: 0, ms, seed: seed + round })
        if (round === 0) continue
        steps.push(step)
        processor.push(perThousand(step))
        if (running === undefined) continue
        const { client, server } = running.pair.processes
        memory.push(pssMegabytes(client.pid) + pssMegabytes(server.pid))
      }
    }
    return latencyOutcome(all, context, `${TRAFFIC_TITLES[traffic]}, ${RATE} requests/s`)
  } finally {
    await Promise.all(all.map(({ target }) => target.stop()))
  }
}

/** The subjects that carry such requests; the others are named with their reason. */
export function carriers(traffic: Traffic, { topology, leaveOut }: MeshContext): readonly Running[] {
  return topology.running.filter(({ pair, adapter: { lacks } }) => {
    if (traffic === 'http' || lacks.grpc === undefined) return true
    leaveOut(`gRPC through ${pair.subject}`, lacks.grpc)
    return false
  })
}
