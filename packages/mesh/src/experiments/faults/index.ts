/** Faults, planted one after another into pairs of each subject: what fails, and for how long. */
import { type Disturbance, disturbance } from '../../load/effects.js'
import { type Answer, Stream } from '../../load/stream.js'
import type { Running } from '../../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from '../experiment.js'
import { CERTIFICATE_FAULTS } from './certificates.js'
import { CONTROL_FAULTS } from './control.js'
import { type Fault, RETRIES, SUPERVISOR_MS } from './fault.js'
import { FLOOD_FAULTS } from './floods.js'
import { NETWORK_FAULTS } from './network.js'
import { type Cell, outcomeOf } from './outcome.js'
import { Pairs, type Prepared } from './pairs.js'
import { PROCESS_FAULTS } from './processes.js'
import { RESTART_FAULTS } from './restarts.js'
import { UPSTREAM_FAULTS } from './upstreams.js'

/** Requests per second over open connections, unless the fault has its own number, and over new ones. */
const RATE = 100
const NEW_RATE = 10
/** How long a pair may take to recover. */
const PATIENCE_MS = { quick: 5000, whole: 15_000 }
/** Seconds of each fault for the begin, the end and the answers that are missing. */
const AROUND_S = 1.1
/** Seconds to start the pairs of a subject: two for retries, and one with a link. */
const START_S = { quick: 0.8, whole: 3 }

/** In the order in which they are planted: what leaves least behind comes first. */
export const FAULTS: readonly Fault[] = [
  ...UPSTREAM_FAULTS,
  ...NETWORK_FAULTS,
  ...FLOOD_FAULTS,
  ...PROCESS_FAULTS,
  ...RESTART_FAULTS,
  ...CERTIFICATE_FAULTS,
  ...CONTROL_FAULTS,
]

function chosen(quick: boolean): readonly Fault[] {
  return FAULTS.filter(({ inQuick }) => !quick || inQuick === true)
}

export const faults: MeshExperiment = {
  name: 'faults',
  title: 'What breaks, and for how long?',
  method:
    `${RATE} requests per second flow through a pair over open connections while a fault is planted, where new connections matter ${NEW_RATE} more over new ones. A supervisor of ours starts a dead process again ${SUPERVISOR_MS} ms later; no request is sent again by the client. ` +
    `Where retries can help, the fault is planted twice: into a pair whose client's sidecar never sends a request again, and into one that does so up to ${RETRIES} times. All other faults meet the proxy as it comes, which for HAProxy and nginx means that a lost connection is tried again. ` +
    'Faults of the network are planted by a link of ours between the two sidecars, or between them and their control plane. ' +
    'Recovery is the time from the fault to the first request after the last failed one. Where nothing failed, the bound says which share of failures this many requests cannot exclude (95%).',
  seconds: (subjects, quick) =>
    subjects *
    chosen(quick).reduce(
      (sum, { pair, seconds, share = 1 }) => sum + share * (pair === 'retries' ? 2 : 1) * (seconds + AROUND_S),
      START_S[quick ? 'quick' : 'whole'],
    ),
  run,
}

/** What is kept after each subject. */
interface Draft {
  readonly done: readonly string[]
  readonly cells: readonly Cell[]
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick, draft } = context
  const planted = chosen(quick)
  const { done, cells: before }: Draft = (draft as Draft | undefined) ?? { done: [], cells: [] }
  const cells = [...before]
  const left = topology.running.filter(({ pair }) => !done.includes(pair.subject))
  for (const [at, running] of left.entries()) {
    const { subject } = running.pair
    const pairs = new Pairs(running, context)
    try {
      for (const [nth, fault] of planted.entries()) {
        context.signal.throwIfAborted()
        context.progress((at + nth / planted.length) / left.length, `${subject}, ${fault.title}`)
        cells.push(...(await planting(fault, running, pairs, context)))
      }
    } finally {
      await pairs.stop()
    }
    const names = [...done, ...left.slice(0, at + 1).map(({ pair }) => pair.subject)]
    context.keep(outcomeOf(cells, planted, context), { done: names, cells } satisfies Draft)
  }
  return outcomeOf(cells, planted, context)
}

/** Plants one fault into the pairs that it is meant for. */
export async function planting(fault: Fault, running: Running, pairs: Pairs, context: MeshContext): Promise<Cell[]> {
  const { subject } = running.pair
  const what = `${subject}, ${fault.title}`
  const lack = fault.lack?.(running)
  if (lack !== undefined) {
    context.leaveOut(what, lack)
    return []
  }
  const cells: Cell[] = []
  try {
    for (const prepared of await pairs.for(fault)) {
      cells.push({ subject, fault: fault.name, retries: prepared.retries, ...(await one(prepared, fault, context)) })
    }
  } catch (error) {
    context.signal.throwIfAborted()
    context.leaveOut(what, `it failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  return cells
}

/** What a fault did to the requests over open connections and over new ones. */
interface Found {
  readonly open: Disturbance
  readonly fresh?: Disturbance
  readonly note?: string
}

async function one(prepared: Prepared, fault: Fault, context: MeshContext): Promise<Found> {
  const { port, rate } = { port: prepared.running.pair.plan.ports.outbound, rate: fault.rate ?? RATE }
  const common = { port, signal: context.signal }
  const stream = new Stream({ ...common, rate, connections: 'open' })
  const second =
    fault.hasNewConnections === true ? new Stream({ ...common, rate: NEW_RATE, connections: 'new' }) : undefined
  let [at, open, fresh]: [number, readonly Answer[], readonly Answer[]] = [0, [], []]
  let note: string | undefined
  try {
    await stream.flow(300)
    at = performance.now()
    const planted = await fault.plant({ ...prepared, stream }, context)
    at = planted.since ?? at
    note = planted.note
    const isBack = (count: number) => (all: readonly Answer[]) =>
      all.length >= count && all.slice(-count).every(({ isGood }) => isGood)
    const patience = PATIENCE_MS[context.quick ? 'quick' : 'whole']
    await stream.flow(500)
    await stream.until(isBack(RATE / 2), patience)
    await second?.until(isBack(NEW_RATE / 2), patience)
  } finally {
    ;[open, fresh] = await Promise.all([stream.stop(), second?.stop() ?? []])
  }
  return {
    open: disturbance(open, at),
    ...(second === undefined ? {} : { fresh: disturbance(fresh, at) }),
    ...(note === undefined ? {} : { note }),
  }
}
