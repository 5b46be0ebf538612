/** What a control plane takes to give many services to its data plane. */
import { setTimeout as delay } from 'node:timers/promises'
import type { LineChart, Table } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { processorMs, pssMegabytes } from '../processes/cost.js'
import { ProxyError } from '../processes/errors.js'
import type { MeshRow, MetricId } from '../rows/row.js'
import type { Controlled } from '../subjects/subject.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** The last one is first in the rows: where a table asks for one number of services, that decides. */
const COUNTS = { quick: [10, 100], full: [10, 100, 1000] }
/** Each repetition has fresh processes. */
const REPETITIONS = { quick: 1, full: 3 }
/** How long a number of services may take, in ms. */
const PATIENCE_MS = 60_000
/** How long the control plane is watched when nothing changes any more, in ms. */
const REST_MS = { quick: 500, full: 2000 }
const POLL_MS = 5

export const controlPlane: MeshExperiment = {
  name: 'control-plane',
  title: 'What do many services cost the control plane?',
  isLong: true,
  method:
    `A control plane of its own, with one proxy where it pushes to proxies, gets ${COUNTS.full.join(', then ')} services. The time is from the command until the last service is there for whoever calls it: through the proxy, or in the catalogue of the control plane. ` +
    `Processor time is the scheduler's, of all threads of the control plane, from the command until then; at rest it is that of ${REST_MS.full / 1000} s in which nothing changes. Memory is the proportional set size after that rest. Every repetition has fresh processes.`,
  seconds: (_, quick) => (quick ? 15 : 170),
  run,
}

interface Measured {
  readonly count: number
  readonly ms: number
  /** Processor time of the control plane until the effect, in ms. */
  readonly processor: number
  /** Cores that it takes when nothing changes. */
  readonly rest: number
  readonly memory: number
  /** Of the proxy; undefined without one. */
  readonly proxyMemory: number | undefined
}

interface Found {
  readonly running: Running
  service: string
  readonly measured: Measured[]
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick, signal } = context
  const length = quick ? 'quick' : 'full'
  const all = topology.running.filter(({ adapter }) => adapter.control !== undefined)
  for (const { adapter, pair } of topology.running) {
    if (adapter.control !== undefined) continue
    const why = adapter.lacks.control ?? 'it is controlled by files and commands, not by a control plane'
    context.leaveOut(`${pair.subject}, a control plane`, why)
  }
  const found = all.map((running): Found => ({ running, service: '', measured: [] }))
  for (let repetition = 0; repetition < REPETITIONS[length]; repetition++) {
    for (const [at, each] of found.entries()) {
      signal.throwIfAborted()
      const { subject } = each.running.pair
      const share = (repetition * all.length + at) / (REPETITIONS[length] * all.length)
      context.progress(share, `${subject}, repetition ${repetition + 1} of ${REPETITIONS[length]}`)
      try {
        await one(each, COUNTS[length], context)
      } catch (error) {
        signal.throwIfAborted()
        context.leaveOut(`${subject}, a repetition`, error instanceof Error ? error.message : String(error))
      }
    }
  }
  return outcomeOf(
    found.filter(({ measured }) => measured.length > 0),
    COUNTS[length],
    context,
  )
}

async function one(found: Found, counts: readonly number[], { topology, quick, signal }: MeshContext): Promise<void> {
  const { adapter, binary } = found.running
  const controlled = await adapter.control!(binary, await topology.spare())
  try {
    found.service = controlled.service
    const measured: Measured[] = []
    for (const count of counts) measured.push(await step(controlled, count, REST_MS[quick ? 'quick' : 'full'], signal))
    // Of a repetition that failed nothing counts: the rows of all numbers of services have the same rounds.
    found.measured.push(...measured)
  } finally {
    await controlled.stop()
  }
}

async function step(
  { control, proxy, services, hasConverged }: Controlled,
  count: number,
  restMs: number,
  signal: AbortSignal,
): Promise<Measured> {
  const used = processorMs(control.pid)
  const began = performance.now()
  await services(count)
  while (!(await hasConverged(count))) {
    signal.throwIfAborted()
    if (performance.now() - began > PATIENCE_MS) {
      throw new ProxyError(`${count} services were not there after ${PATIENCE_MS / 1000} s`)
    }
    await delay(POLL_MS)
  }
  const ms = performance.now() - began
  const settled = processorMs(control.pid)
  await delay(restMs, undefined, { signal })
  return {
    count,
    ms,
    processor: settled - used,
    rest: (processorMs(control.pid) - settled) / restMs,
    memory: pssMegabytes(control.pid),
    proxyMemory: proxy === undefined ? undefined : pssMegabytes(proxy.pid),
  }
}

type Figure = Exclude<keyof Measured, 'count'>

const FIGURES: readonly { readonly figure: Figure; readonly metric: MetricId; readonly unit: string }[] = [
  { figure: 'ms', metric: 'control-push', unit: 'ms' },
  { figure: 'processor', metric: 'control-push-cpu', unit: 'ms' },
  { figure: 'rest', metric: 'control-rest-cpu', unit: 'cores' },
  { figure: 'memory', metric: 'control-pss', unit: 'MB' },
  { figure: 'proxyMemory', metric: 'control-proxy-pss', unit: 'MB' },
]

function outcomeOf(found: readonly Found[], counts: readonly number[], context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const lines: (string | number | null)[][] = []
  for (const { running, measured } of found) {
    for (const count of [...counts].reverse()) {
      const own = measured.filter(each => each.count === count)
      const line: (string | number | null)[] = [running.pair.subject, count]
      for (const { figure, metric, unit } of FIGURES) {
        const values = own.flatMap(each => each[figure] ?? [])
        line.push(values.length === 0 ? null : spread(values).median)
        if (values.length === 0) continue
        const workload = `${count.toLocaleString('en-US')} services`
        rows.push(context.row(running, { metric, unit, value: values, workload }))
      }
      lines.push(line)
    }
  }
  const table: Table = {
    title: 'A control plane and its services',
    columns: [
      { label: 'subject' },
      { label: 'services', digits: 0 },
      { label: 'command to effect', unit: 'ms', digits: 0 },
      { label: 'processor time until then', unit: 'ms', digits: 0 },
      { label: 'at rest', unit: 'cores', digits: 3 },
      { label: 'memory', unit: 'MB', digits: 1 },
      { label: "the proxy's memory", unit: 'MB', digits: 1 },
    ],
    rows: lines.reverse(),
  }
  const charts = found.length === 0 ? [] : [chart(found, counts, 'memory'), chart(found, counts, 'processor')]
  return { rows, charts, tables: [table], findings: findings(found, counts) }
}

function medianOf({ measured }: Found, count: number, figure: Figure): number {
  return spread(measured.filter(each => each.count === count).flatMap(each => each[figure] ?? [])).median
}

function chart(found: readonly Found[], counts: readonly number[], figure: 'memory' | 'processor'): LineChart {
  const isMemory = figure === 'memory'
  const [first, last] = [counts[0], counts.at(-1)!]
  const unit = isMemory ? 'MB' : 'ms'
  return {
    kind: 'line',
    id: `control-${figure}`,
    title: isMemory
      ? 'Memory of the control plane'
      : 'Processor time of the control plane until all services are there',
    alternative: found
      .map(each => {
        const [low, high] = [first, last].map(count => medianOf(each, count, figure).toFixed(0))
        return `${each.running.pair.subject}: ${low} ${unit} with ${first} services, ${high} ${unit} with ${last}`
      })
      .join('; '),
    x: { label: 'services', unit: '', scale: 'log' },
    y: { label: isMemory ? 'proportional set size' : 'processor time', unit },
    series: found.map(each => ({
      name: each.running.pair.subject,
      points: counts.map(count => {
        const own = each.measured.filter(({ count: its }) => its === count).map(one => one[figure])
        const { median, low, high } = spread(own)
        return { x: count, y: median, low, high }
      }),
    })),
  }
}

function findings(found: readonly Found[], counts: readonly number[]): string[] {
  const most = counts.at(-1)!
  if (found.length === 0) return ['No subject that was measured has a control plane.']
  return found.map(each => {
    const { running, service } = each
    const [ms, processor, memory, rest] = (['ms', 'processor', 'memory', 'rest'] as const).map(figure =>
      medianOf(each, most, figure),
    )
    return `${running.pair.subject} (${service}): ${most.toLocaleString('en-US')} services are there after ${ms.toFixed(0)} ms and ${processor.toFixed(0)} ms of processor time; the control plane then has ${memory.toFixed(0)} MB and takes ${rest.toFixed(3)} cores at rest.`
  })
}
