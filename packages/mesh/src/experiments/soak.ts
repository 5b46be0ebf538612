/** Memory over time under a steady load, as long as the user wants. */
import type { LineChart, Table } from '@threadmap/workbench/experiment'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { SERVER_NAME } from '../authority/authority.js'
import { pssMegabytes } from '../processes/cost.js'
import { LOOPBACK } from '../processes/ports.js'
import type { MeshRow } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { commonSlope, type Estimate, type Point } from './line.js'

/** Requests per second through each pair: all pairs have their load at the same time. */
const RATE = 25
const CLIENTS = 4
/** Milliseconds between two samples: many in a short soak, and no step longer than a generator's patience. */
const SAMPLE_MS = { least: 2000, most: 20_000 }
const SAMPLES_WISHED = 400
/** Samples of a series that are kept: more would make the file of the run large, and its slope no surer. */
const MOST_SAMPLES = 2000
/** Milliseconds between two writes of what is done so far. */
const KEEP_MS = 60_000
/** The share of each series that its processes need to get to their working set, which is no growth. */
const WARM = 0.1
/** Blocks by whose medians a slope is judged. */
const BLOCKS = 12
const POINTS_SHOWN = 200
const HOUR_MS = 3_600_000

export const soak: MeshExperiment = {
  name: 'soak',
  title: 'Does memory grow over time?',
  method:
    `After a start of all sidecars, ${RATE} requests per second flow through each pair, through all pairs at the same time, for as long as --soak says. The proportional set size of both sidecars is read at least every ${SAMPLE_MS.most / 1000} s. ` +
    `The slope is that of a line through the medians of ${BLOCKS} blocks, with Student's interval (95%); the first tenth does not count. A soak that was interrupted goes on with fresh processes, whose memory has a line of the same slope at a height of its own.`,
  seconds: (subjects, _, hours) => subjects * 2 + hours * 3600,
  run,
}

/** One subject's soak: a series for each start of its processes; x in hours since that start, y in MB. */
interface Soaked {
  readonly series: Point[][]
  requests: number
  failed: number
}

/** What is kept, so that the soak can go on. */
export interface SoakDraft {
  hours: number
  readonly subjects: Record<string, Soaked>
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, soakHours, signal } = context
  const draft = (context.draft as SoakDraft | undefined) ?? { hours: 0, subjects: {} }
  const before = draft.hours
  const left = soakHours - before
  const running = [...topology.running]
  if (left <= 0) return soakOutcome(draft, running, context)
  const targets = new Map<Running, HttpTarget>()
  try {
    for (const each of running) {
      targets.set(each, await start(each, signal))
      const { subject } = each.pair
      draft.subjects[subject] ??= { series: [], requests: 0, failed: 0 }
      draft.subjects[subject].series.push([])
    }
    const wished = (left * HOUR_MS) / SAMPLES_WISHED
    const sampleMs = Math.min(SAMPLE_MS.most, Math.max(SAMPLE_MS.least, wished))
    const every = Math.ceil((left * HOUR_MS) / sampleMs / MOST_SAMPLES)
    const began = performance.now()
    let kept = began
    for (let round = 1; draft.hours < soakHours; round++) {
      await Promise.all([...targets].map(([each, target]) => load(each, target, draft, sampleMs, context.seed + round)))
      draft.hours = before + (performance.now() - began) / HOUR_MS
      for (const each of targets.keys()) {
        const { processes, subject } = each.pair
        if (!processes.client.isRunning || !processes.server.isRunning) {
          context.leaveOut(`${subject}, the rest of the soak`, `a sidecar ended after ${draft.hours.toFixed(2)} h`)
          await targets.get(each)?.stop()
          targets.delete(each)
        } else if (round % every === 0) {
          draft.subjects[subject].series.at(-1)?.push({ x: draft.hours - before, y: memoryOf(each) })
        }
      }
      context.progress(draft.hours / soakHours, `${draft.hours.toFixed(2)} of ${soakHours} h`)
      if (round === 1 || performance.now() - kept > KEEP_MS) {
        kept = performance.now()
        context.keep(soakOutcome(draft, running, context), draft)
      }
    }
    return soakOutcome(draft, running, context)
  } catch (error) {
    context.keep(soakOutcome(draft, running, context), draft)
    throw error
  } finally {
    await Promise.all([...targets.values()].map(target => target.stop()))
  }
}

/** Sidecars that have just started, whatever the other experiments did to the old ones. */
async function start({ pair }: Running, signal: AbortSignal): Promise<HttpTarget> {
  for (const side of ['client', 'server'] as const) await pair.processes[side].kill()
  await pair.restart('server')
  await pair.restart('client')
  return HttpTarget.start({
    name: pair.subject,
    destinations: [{ origin: `http://${SERVER_NAME}:${pair.plan.ports.outbound}`, address: LOOPBACK, family: 4 }],
    requests: [{ method: 'GET', path: '/' }],
    generators: 1,
    signal,
  })
}

async function load({ pair }: Running, target: HttpTarget, draft: SoakDraft, ms: number, seed: number): Promise<void> {
  const { requests, success } = await target.step({ clients: CLIENTS, rate: RATE, warmUpMs: 0, ms, seed })
  const soaked = draft.subjects[pair.subject]
  soaked.requests += requests
  soaked.failed += Math.round(requests * (1 - success))
}

function memoryOf({ pair: { processes } }: Running): number {
  return pssMegabytes(processes.client.pid) + pssMegabytes(processes.server.pid)
}

/** Growth in MB/h; undefined as long as there are too few samples for an interval. */
export function growthOf(series: readonly (readonly Point[])[]): Estimate | undefined {
  const settled = series.map(points => {
    const from = (points.at(-1)?.x ?? 0) * WARM
    return points.filter(({ x }) => x >= from)
  })
  return commonSlope(settled, BLOCKS)
}

/** What an estimate of the growth says. */
export function growthVerdict({ value, low, high }: Estimate): string {
  const figure = (megabytes: number) => (Math.abs(megabytes) < 10 ? megabytes.toFixed(2) : megabytes.toFixed(0))
  const interval = `${figure(low)} to ${figure(high)} MB/h`
  if (low > 0) return `grows by ${figure(value)} MB/h (${interval})`
  if (high < 0) return `shrinks by ${figure(-value)} MB/h (${interval})`
  return `no growth seen: less than ${figure(high)} MB/h`
}

function soakOutcome(draft: SoakDraft, running: readonly Running[], context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const lines: (string | number | null)[][] = []
  const said: string[] = []
  for (const [subject, { series, requests, failed }] of Object.entries(draft.subjects)) {
    const growth = growthOf(series)
    const verdict = growth === undefined ? 'too short to say' : growthVerdict(growth)
    said.push(`${subject}: ${verdict}.`)
    if (growth !== undefined) {
      const { value, low, high } = growth
      const of = running.find(({ pair }) => pair.subject === subject) ?? subject
      rows.push(context.row(of, { metric: 'pss-growth', unit: 'MB/h', value, interval: { low, high } }))
    }
    const all = series.flat()
    lines.push([subject, all[0]?.y ?? null, all.at(-1)?.y ?? null, verdict, requests, failed])
  }
  const table: Table = {
    title: `Memory of both sidecars over ${draft.hours.toFixed(2)} h`,
    columns: [
      { label: 'subject' },
      { label: 'first', unit: 'MB', digits: 1 },
      { label: 'last', unit: 'MB', digits: 1 },
      { label: 'growth, 95% interval' },
      { label: 'requests', digits: 0 },
      { label: 'failed', digits: 0 },
    ],
    rows: lines,
  }
  const length = `${draft.hours.toFixed(2)} h of steady load${draft.hours < context.soakHours ? ` of ${context.soakHours}; continue with --resume` : ''}.`
  return { rows, charts: charts(draft), tables: [table], findings: [length, ...said] }
}

function charts({ subjects }: SoakDraft): LineChart[] {
  const series = Object.entries(subjects).map(([name, { series }]) => {
    // Times of interruptions are left out: a series goes on where the one before it ended.
    let offset = 0
    const all = series.flatMap(points => {
      const shifted = points.map(({ x, y }) => ({ x: x + offset, y }))
      offset = shifted.at(-1)?.x ?? offset
      return shifted
    })
    const every = Math.ceil(all.length / POINTS_SHOWN)
    return { name, points: all.filter((_, at) => at % every === 0) }
  })
  if (series.every(({ points }) => points.length < 2)) return []
  return [
    {
      kind: 'line',
      id: 'soak',
      title: 'Memory of both sidecars over time',
      alternative: series
        .map(({ name, points }) => `${name} ${points[0]?.y.toFixed(1)} to ${points.at(-1)?.y.toFixed(1)} MB`)
        .join(', '),
      x: { label: 'time', unit: 'h' },
      y: { label: 'proportional set size', unit: 'MB' },
      series,
    },
  ]
}
