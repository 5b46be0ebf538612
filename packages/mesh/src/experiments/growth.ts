/** How the memory of a sidecar grows with connections and with routes. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LineChart, Table } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { IdleConnections } from '../load/idle.js'
import { pssMegabytes } from '../processes/cost.js'
import type { MeshRow, MetricId } from '../rows/row.js'
import { call } from '../subjects/steps.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { estimateOf, type Point, slopeOf } from './line.js'

const STEPS = { quick: [0, 50, 200], full: [0, 100, 300, 1000] }
/** Each repetition has fresh processes. Fewer than three give no interval. */
const REPETITIONS = 3
/** Milliseconds in which a proxy may finish what the last connection or request left to do. */
const SETTLE_MS = 300
/** Requests to a proxy that has just started, before its memory is read: code and pools that the first requests need are no growth. */
const FIRST_REQUESTS = 20

export const growth: MeshExperiment = {
  name: 'growth',
  title: 'How does memory grow with connections and routes?',
  isLong: true,
  method:
    `${counts(STEPS.full)} connections are opened to a sidecar that has just started; each has one answer and stays open: mTLS ones to the server's sidecar, plain ones to the client's. Then the server's sidecar is started with ${counts(STEPS.full)} routes beside the one for all paths. ` +
    `After each step its proportional set size is read. A straight line through the steps gives the memory for each connection or route; the interval (95%) is that of ${REPETITIONS} repetitions with fresh processes, between which the subjects take turns.`,
  seconds: (subjects, quick) => subjects * REPETITIONS * (quick ? 6 : 12),
  run,
}

function counts(steps: readonly number[]): string {
  return `${steps.slice(0, -1).join(', ')} and ${steps.at(-1)?.toLocaleString('en-US')}`
}

type Kind = 'mtls' | 'plain' | 'routes'

const KINDS: Readonly<Record<Kind, { readonly metric: MetricId; readonly title: string; readonly x: string }>> = {
  mtls: {
    metric: 'pss-per-mtls-connection',
    title: "the server's sidecar, by mTLS connections",
    x: 'idle connections',
  },
  plain: { metric: 'pss-per-connection', title: "the client's sidecar, by plain connections", x: 'idle connections' },
  routes: { metric: 'pss-per-route', title: "the server's sidecar, by routes", x: 'routes' },
}
const ORDER = Object.keys(KINDS) as Kind[]

/** The curves of a subject: one for each repetition, in MB. */
type Curves = Record<Kind, Point[][]>

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { running: all } = context.topology
  const found = new Map<Running, Curves>(all.map(running => [running, { mtls: [], plain: [], routes: [] }]))
  const given = new Set<Running>()
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    for (let turn = 0; turn < all.length; turn++) {
      const running = all[(turn + repetition) % all.length]
      if (given.has(running)) continue
      context.signal.throwIfAborted()
      context.progress(
        (repetition * all.length + turn) / (REPETITIONS * all.length),
        `${running.pair.subject}, repetition ${repetition + 1} of ${REPETITIONS}`,
      )
      try {
        await one(running, found.get(running)!, context)
      } catch (error) {
        context.signal.throwIfAborted()
        given.add(running)
        const why = error instanceof Error ? error.message : String(error)
        context.leaveOut(`${running.pair.subject}, growth`, `it failed: ${why}`)
        // Whatever it was in the middle of: the experiments that follow need the pair.
        await fresh(running)
      }
    }
  }
  for (const { pair, adapter } of all) {
    if (pair.routes !== undefined) continue
    context.leaveOut(`${pair.subject}, routes`, adapter.lacks.routes ?? 'its adapter sets no routes')
  }
  return outcomeOf(found, context)
}

/** Ends both sidecars, and starts them again. */
async function fresh({ pair }: Running): Promise<void> {
  for (const side of ['client', 'server'] as const) await pair.processes[side].kill()
  await pair.restart('server')
  await pair.restart('client')
  await warm(pair.plan.ports.outbound)
}

async function warm(port: number): Promise<void> {
  const until = performance.now() + 10_000
  for (let good = 0; good < FIRST_REQUESTS; ) {
    try {
      await call(port, 'GET', '/')
      good++
    } catch (error) {
      // A proxy may accept connections before it knows where to send them.
      if (performance.now() > until) throw error
      await delay(20)
    }
  }
}

async function one(running: Running, curves: Curves, context: MeshContext): Promise<void> {
  const { pair } = running
  const { inbound, outbound } = pair.plan.ports
  const steps = STEPS[context.quick ? 'quick' : 'full']
  const { signal } = context
  await fresh(running)
  const identity = (await pair.ownIdentities?.())?.client ?? context.topology.identities.client
  curves.mtls.push(await byConnections({ port: inbound, identity, signal }, pair.processes.server.pid, steps))
  curves.plain.push(await byConnections({ port: outbound, signal }, pair.processes.client.pid, steps))
  if (pair.routes !== undefined) curves.routes.push(await byRoutes(running, steps, signal))
}

async function byConnections(
  options: ConstructorParameters<typeof IdleConnections>[0],
  pid: number,
  steps: readonly number[],
): Promise<Point[]> {
  const idle = new IdleConnections(options)
  const points: Point[] = []
  try {
    for (const count of steps) {
      await idle.grow(count)
      await delay(SETTLE_MS)
      points.push({ x: idle.count, y: pssMegabytes(pid) })
    }
    return points
  } finally {
    idle.close()
  }
}

async function byRoutes({ pair }: Running, steps: readonly number[], signal: AbortSignal): Promise<Point[]> {
  const points: Point[] = []
  const restarted = async (count: number) => {
    await pair.routes?.(count)
    await pair.processes.server.kill()
    await pair.restart('server')
    await warm(pair.plan.ports.outbound)
  }
  try {
    for (const count of steps) {
      signal.throwIfAborted()
      await restarted(count)
      await delay(SETTLE_MS)
      points.push({ x: count, y: pssMegabytes(pair.processes.server.pid) })
    }
    return points
  } finally {
    await restarted(0)
  }
}

/** Kilobytes for each connection or route, one figure for each repetition. */
export function slopesInKilobytes(curves: readonly (readonly Point[])[]): number[] {
  return curves.map(points => slopeOf(points) * 1000)
}

function outcomeOf(found: ReadonlyMap<Running, Curves>, context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const lines: (string | number | null)[][] = []
  for (const [running, curves] of found) {
    const line: (string | number | null)[] = [running.pair.subject]
    const idle = curves.mtls.flatMap(points => points.slice(0, 1)).map(({ y }) => y)
    line.push(idle.length === 0 ? null : spread(idle).median)
    for (const kind of ORDER) {
      const slopes = slopesInKilobytes(curves[kind])
      if (slopes.length < REPETITIONS) {
        line.push(null, null)
        continue
      }
      rows.push(context.row(running, { metric: KINDS[kind].metric, unit: 'kB', value: slopes }))
      const { value, low, high } = estimateOf(slopes)
      line.push(value, `${low.toFixed(1)} to ${high.toFixed(1)}`)
    }
    lines.push(line)
  }
  const columns = ORDER.flatMap(kind => [
    {
      label: `each ${kind === 'routes' ? 'route' : `${kind === 'mtls' ? 'mTLS' : 'plain'} connection`}`,
      unit: 'kB',
      digits: 1,
    },
    { label: '95% interval', unit: 'kB' },
  ])
  const table: Table = {
    title: 'Memory of one sidecar, and its growth',
    columns: [{ label: 'subject' }, { label: 'fresh', unit: 'MB', digits: 1 }, ...columns],
    rows: lines,
  }
  return { rows, charts: charts(found), tables: [table], findings: findings(rows) }
}

function charts(found: ReadonlyMap<Running, Curves>): LineChart[] {
  return ORDER.flatMap((kind): LineChart[] => {
    const series = [...found].flatMap(([{ pair }, curves]) => {
      const [first] = curves[kind]
      if (first === undefined) return []
      const points = first.map(({ x }, at) => {
        const { median, low, high } = spread(curves[kind].flatMap(points => points.slice(at, at + 1)).map(({ y }) => y))
        return { x, y: median, low, high }
      })
      return [{ name: pair.subject, points }]
    })
    if (series.length === 0) return []
    const { title, x } = KINDS[kind]
    const said = series.map(
      ({ name, points }) => `${name} ${points[0].y.toFixed(1)} to ${points.at(-1)?.y.toFixed(1)} MB`,
    )
    return [
      {
        kind: 'line',
        id: `growth-${kind}`,
        title: `Memory of ${title}`,
        alternative: `${said.join(', ')}.`,
        x: { label: x, unit: '' },
        y: { label: 'proportional set size', unit: 'MB' },
        series,
      },
    ]
  })
}

function findings(rows: readonly MeshRow[]): string[] {
  const said = ORDER.flatMap(kind => {
    const own = rows.filter(({ metric }) => metric === KINDS[kind].metric)
    const sorted = [...own].sort((a, b) => Number(a.value) - Number(b.value))
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (first === undefined || last === undefined) return []
    const what =
      kind === 'routes' ? 'A route' : kind === 'mtls' ? 'An idle mTLS connection' : 'An idle plain connection'
    return [
      `${what} takes from ${Number(first.value).toFixed(1)} kB (${first.subject}) to ${Number(last.value).toFixed(1)} kB (${last.subject}).`,
    ]
  })
  return said.length === 0 ? ['Nothing was measured: the reasons are below.'] : said
}
