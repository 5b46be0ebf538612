/** What metrics and tracing cost: pairs with and without them, beside each other, and a sink of ours that counts what arrives. */
import { get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type PairStep, type PairTarget, portsOf, startPairTarget } from '../load/pair-target.js'
import { pssMegabytes } from '../processes/cost.js'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'
import { COUNTED_PATH, type Received } from '../sink/protocol.js'
import { Sink } from '../sink/sink.js'
import type { Pair, Side } from '../subjects/subject.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { RATE } from './latency.js'
import { type OfSubject, telemetryOutcome, type Variant } from './telemetry-outcome.js'

const CLIENTS = 10
const EFFORT = { quick: { rounds: 1, ms: 500 }, full: { rounds: 4, ms: 700 } }
/** Proxies send spans in batches, some every 5 s. */
const LAST_SPANS_MS = 8000
const SCRAPE_PATIENCE_MS = 5000
/** Seconds for a subject beside its load: three pairs start, and the last spans arrive. */
const BESIDES_SECONDS = 6

export const telemetry: MeshExperiment = {
  name: 'telemetry',
  title: 'What do metrics and tracing cost?',
  method:
    `Of each subject three fresh pairs take turns under ${RATE} requests per second of HTTP/1.1: one as in the other experiments, one whose metrics are read from both sidecars once a round (Prometheus's text, nginx's stub_status) or sent by statsd, and one that sends a span of every request and sidecar to a sink of ours by OTLP, over HTTP or gRPC. ` +
    'What each adds is its figure less that of the pair without, round by round; memory is the proportional set size after the last round. After the last round, the traces that arrived in the sink are counted and compared with the requests. A scrape a round and a span of every request are more than most installations ask for: the cost is an upper bound.',
  isLong: true,
  seconds(subjects, quick) {
    const { rounds, ms } = EFFORT[quick ? 'quick' : 'full']
    return subjects * (BESIDES_SECONDS + (3 * (rounds + 1) * (ms + 150)) / 1000)
  },
  run,
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, signal } = context
  const [port] = await topology.ports(1)
  const sink = await Sink.start(port, signal)
  const all: OfSubject[] = []
  try {
    for (const [at, running] of topology.running.entries()) {
      const progress = (share: number, doing: string) =>
        context.progress((at + share) / topology.running.length, `${running.pair.subject}, ${doing}`)
      try {
        all.push(await one(running, sink, context, progress))
      } catch (error) {
        signal.throwIfAborted()
        // A proxy that does not start so is a result about this subject alone.
        if (!(error instanceof ProxyError)) throw error
        context.leaveOut(`metrics and tracing of ${running.pair.subject}`, error.message)
      }
    }
    return telemetryOutcome(all, context)
  } finally {
    await sink.stop()
  }
}

interface Trial {
  readonly variant: Variant
  readonly pair: Pair
  readonly target: PairTarget
  readonly steps: PairStep[]
  /** Requests of all rounds, also of the first one, which counts nowhere else. */
  requests: number
  scrapedBytes: number
}

async function one(
  running: Running,
  sink: Sink,
  context: MeshContext,
  progress: (share: number, doing: string) => void,
): Promise<OfSubject> {
  const { quick, signal, seed, leaveOut, topology } = context
  const { rounds, ms } = EFFORT[quick ? 'quick' : 'full']
  const { subject } = running.pair
  const { lacks } = running.adapter
  const variants: Variant[] = ['off']
  for (const variant of ['metrics', 'tracing'] as const) {
    const why = lacks[variant]
    if (why === undefined) variants.push(variant)
    else leaveOut(`${variant} of ${subject}`, why)
  }
  const trials: Trial[] = []
  await sink.empty()
  const pairs: Pair[] = []
  try {
    for (const variant of variants) {
      progress(0, `starting with ${variant === 'off' ? 'neither' : variant}`)
      const own = { sink: sink.port, metrics: variant === 'metrics', tracing: variant === 'tracing' }
      const { pair } = await topology.another(running, { telemetry: own })
      pairs.push(pair)
      const target = await startPairTarget({
        name: `${subject}, ${variant}`,
        traffic: 'http',
        path: COUNTED_PATH,
        ports: portsOf(pair),
        pair,
        signal,
      })
      trials.push({ variant, pair, target, steps: [], requests: 0, scrapedBytes: 0 })
    }
    for (let round = 0; round <= rounds; round++) {
      for (let turn = 0; turn < trials.length; turn++) {
        signal.throwIfAborted()
        const trial = trials[(turn + round) % trials.length]
        progress(
          (round * trials.length + turn) / ((rounds + 1) * trials.length),
          `${trial.variant}, round ${round} of ${rounds}`,
        )
        const load = { clients: CLIENTS, rate: RATE, warmUpMs: 0, ms, seed: seed + round }
        const [step, bytes] = await Promise.all([
          trial.target.step(load),
          trial.variant === 'metrics' ? scrape(trial.pair, ms / 2) : 0,
        ])
        trial.requests += step.requests
        trial.scrapedBytes += bytes
        if (round > 0) trial.steps.push(step)
      }
    }
    const memory = trials.map(
      ({ pair: { processes } }) => pssMegabytes(processes.client.pid) + pssMegabytes(processes.server.pid),
    )
    const traced = trials.find(({ variant }) => variant === 'tracing')?.requests
    progress(1, 'waiting for the last spans')
    const received = await lastOf(sink, traced)
    return {
      running,
      lacks,
      received,
      traced,
      trials: trials.map(({ variant, steps, scrapedBytes }, at) => ({
        variant,
        steps,
        scrapedBytes,
        memory: memory[at],
      })),
    }
  } finally {
    await Promise.all(trials.map(({ target }) => target.stop()))
    await Promise.all(pairs.map(pair => pair.stop()))
  }
}

/** What the sink received, once there are so many traces, and no more spans have come for a moment; or after the patience. */
function lastOf(sink: Sink, requests: number | undefined): Promise<Received> {
  if (requests === undefined) return sink.received()
  let spans = 0
  let since = performance.now()
  return sink.until(received => {
    if (received.spans !== spans) since = performance.now()
    spans = received.spans
    return received.traces >= requests && performance.now() - since > SETTLED_MS
  }, LAST_SPANS_MS)
}

/** Batches of both sidecars come apart. */
const SETTLED_MS = 1000

/** Reads the metrics of both sidecars in the middle of a round; the bytes of both. A pair that sends them by itself is not asked. */
async function scrape(pair: Pair, afterMs: number): Promise<number> {
  if (pair.metricsAt === undefined) return 0
  await delay(afterMs)
  const bytes = await Promise.all((['client', 'server'] as const).map(side => bytesAt(pair, side)))
  return bytes[0] + bytes[1]
}

function bytesAt(pair: Pair, side: Side): Promise<number> {
  const { port, path } = pair.metricsAt!(side)
  return new Promise((resolve, reject) => {
    const asked = get({ host: LOOPBACK, port, path, agent: false, timeout: SCRAPE_PATIENCE_MS }, answer => {
      let bytes = 0
      answer.on('data', (piece: Buffer) => {
        bytes += piece.length
      })
      answer.on('end', () => {
        if (answer.statusCode === 200 && bytes > 0) resolve(bytes)
        else
          reject(
            new ProxyError(
              `the metrics of ${pair.subject} (${side}) were answered ${answer.statusCode} with ${bytes} bytes`,
            ),
          )
      })
      answer.on('error', reject)
    })
    asked.on('timeout', () =>
      asked.destroy(
        new ProxyError(`the metrics of ${pair.subject} (${side}) had no answer for ${SCRAPE_PATIENCE_MS / 1000} s`),
      ),
    )
    asked.on('error', reject)
    asked.end()
  })
}
