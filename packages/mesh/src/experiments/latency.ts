/** What a pair of sidecars adds to latency, and what it costs in processor time and memory. */
import { machine } from '@threadmap/workbench/evidence'
import type { Chart, Table } from '@threadmap/workbench/experiment'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import type { Destination } from '@threadmap/workbench/load/protocol'
import type { Step } from '@threadmap/workbench/load/step'
import { compare, mean, spread } from '@threadmap/workbench/statistics'
import { SERVER_NAME } from '../authority/authority.js'
import { processorMs, pssMegabytes } from '../processes/cost.js'
import { LOOPBACK } from '../processes/ports.js'
import { METRICS, type MeshRow, type MetricId } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** Requests per second: far from the capacity of two cores. */
export const RATE = 300
const CLIENTS = 10
/** The two direct targets are the A/A pair: they must tie. */
export const DIRECT = 'direct'
export const DIRECT_AGAIN = 'direct-again'

/** Two equal connections that differ by more than this factor show a disturbed run, also where the noise hides the difference. */
const NOTABLE_TIE = 1.25

const ROUNDS = { quick: 5, full: 15 }
const ROUND_MS = { quick: 800, full: 2000 }

export const latency: MeshExperiment = {
  name: 'latency',
  title: 'What does a pair of sidecars add, and what does it cost?',
  method:
    `An open loop sends ${RATE} requests per second (answers of 1 KB, HTTP/1.1, ${CLIENTS} connections that stay) through each pair and, twice, directly: client, sidecar, mTLS 1.3, sidecar, server, all on the loopback interface. ` +
    'Latency counts from the intended send time. Targets take turns, and each round begins with another one; what a pair adds is its quantile less that of the direct connection in the same round. ' +
    "Processor time is the scheduler's, of all threads of both sidecars; memory is their proportional set size after the last round. Two subjects are told apart only if the quartiles of their ratios, round by round, lie on one side of 1.",
  seconds: (subjects, quick) =>
    ((subjects + 2) * (ROUNDS[quick ? 'quick' : 'full'] + 1) * (ROUND_MS[quick ? 'quick' : 'full'] + 150)) / 1000,
  run,
}

interface Measured {
  readonly name: string
  readonly running: Running | undefined
  readonly target: HttpTarget
  readonly steps: Step[]
  /** Processor time of client's and server's sidecar in each round, in ms per 1,000 requests. */
  readonly processor: { readonly client: number; readonly server: number }[]
}

function destination(port: number): Destination {
  return { origin: `http://${SERVER_NAME}:${port}`, address: LOOPBACK, family: 4 }
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick, signal, seed } = context
  const all: Measured[] = []
  const add = async (name: string, port: number, running?: Running) => {
    const target = await HttpTarget.start({
      name,
      destinations: [destination(port)],
      requests: [{ method: 'GET', path: '/' }],
      generators: 1,
      signal,
    })
    all.push({ name, running, target, steps: [], processor: [] })
  }
  try {
    await add(DIRECT, topology.origin.stable)
    for (const running of topology.running) await add(running.pair.subject, running.pair.plan.ports.outbound, running)
    await add(DIRECT_AGAIN, topology.origin.stable)
    const length = quick ? 'quick' : 'full'
    // The first round counts nowhere: connections are made and code is compiled.
    const rounds = ROUNDS[length] + 1
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        signal.throwIfAborted()
        const measured = all[(turn + round) % all.length]
        context.progress(
          (round * all.length + turn) / (rounds * all.length),
          `${measured.name}, round ${round} of ${rounds - 1}`,
        )
        await one(measured, { ms: ROUND_MS[length], seed: seed + round, counts: round > 0 })
      }
    }
    return outcomeOf(all, context)
  } finally {
    await Promise.all(all.map(({ target }) => target.stop()))
  }
}

async function one(
  measured: Measured,
  { ms, seed, counts }: { ms: number; seed: number; counts: boolean },
): Promise<void> {
  const { client, server } = measured.running?.pair.processes ?? {}
  const used = () => ({ client: client ? processorMs(client.pid) : 0, server: server ? processorMs(server.pid) : 0 })
  const before = used()
  // No warm-up: every request that takes processor time has to be counted.
  const step = await measured.target.step({ clients: CLIENTS, rate: RATE, warmUpMs: 0, ms, seed })
  const after = used()
  if (!counts) return
  measured.steps.push(step)
  const per = 1000 / Math.max(1, step.requests)
  measured.processor.push({
    client: (after.client - before.client) * per,
    server: (after.server - before.server) * per,
  })
}

const QUANTILES = ['p50', 'p95', 'p99'] as const

function outcomeOf(all: readonly Measured[], context: MeshContext): MeshOutcome {
  const workload = `HTTP/1.1, ${RATE} requests/s`
  const rows: MeshRow[] = []
  const row = (
    { running, name }: Measured,
    metric: MetricId | (typeof QUANTILES)[number],
    unit: string,
    value: readonly number[],
  ) => {
    const made = context.row(running ?? name, { metric, unit, value, workload })
    rows.push(made)
    return made
  }
  const direct = all.find(({ name }) => name === DIRECT)!
  for (const measured of all) {
    for (const q of QUANTILES) {
      const own = measured.steps.map(({ latency }) => latency[q])
      row(measured, q, 'ms', own)
      if (measured.running === undefined) continue
      row(
        measured,
        `${q}-added`,
        'ms',
        own.map((value, round) => value - direct.steps[round].latency[q]),
      )
    }
    if (measured.running === undefined) continue
    const { client, server } = measured.running.pair.processes
    row(
      measured,
      'cpu-per-request',
      METRICS['cpu-per-request'].unit,
      measured.processor.map(each => each.client + each.server),
    )
    row(measured, 'pss', 'MB', [pssMegabytes(client.pid) + pssMegabytes(server.pid)])
  }
  const proxies = all.filter(({ running }) => running !== undefined)
  return { rows, charts: charts(proxies, rows), tables: [tableOf(all, rows)], findings: findings(all, proxies, rows) }
}

function rowOf(rows: readonly MeshRow[], subject: string, metric: string): MeshRow | undefined {
  return rows.find(row => row.subject === subject && row.metric === metric)
}

const numberOf = (row: MeshRow | undefined) => (typeof row?.value === 'number' ? row.value : null)

function charts(proxies: readonly Measured[], rows: readonly MeshRow[]): Chart[] {
  const names = proxies.map(({ name }) => name)
  const bar = (name: string, metric: string) => {
    const row = rowOf(rows, name, metric)
    const value = numberOf(row)
    return value === null ? null : { y: value, ...(row?.interval ?? {}) }
  }
  const words = (metric: string, unit: string) =>
    names.map(name => `${name} ${numberOf(rowOf(rows, name, metric))?.toFixed(2)} ${unit}`).join(', ')
  return [
    {
      kind: 'bar',
      id: 'added-latency',
      title: 'What a pair adds to the latency of a direct connection',
      alternative: `Added P95: ${words('p95-added', 'ms')}.`,
      categories: names,
      y: { label: 'added latency', unit: 'ms' },
      series: QUANTILES.map(q => ({ name: q.toUpperCase(), values: names.map(name => bar(name, `${q}-added`)) })),
    },
    {
      kind: 'bar',
      id: 'processor-time',
      title: 'Processor time of both sidecars',
      alternative: `Processor time: ${words('cpu-per-request', 'ms per 1,000 requests')}.`,
      categories: names,
      y: { label: 'processor time', unit: 'ms per 1,000 requests' },
      series: [{ name: 'both sidecars', values: names.map(name => bar(name, 'cpu-per-request')) }],
    },
    {
      kind: 'bar',
      id: 'memory',
      title: 'Memory of both sidecars',
      alternative: `Memory: ${words('pss', 'MB')}.`,
      categories: names,
      y: { label: 'proportional set size', unit: 'MB' },
      series: [{ name: 'both sidecars', values: names.map(name => bar(name, 'pss')) }],
    },
  ]
}

function tableOf(all: readonly Measured[], rows: readonly MeshRow[]): Table {
  return {
    title: 'Latency and cost',
    columns: [
      { label: 'subject' },
      ...QUANTILES.map(q => ({ label: q.toUpperCase(), unit: 'ms', digits: 2 })),
      ...QUANTILES.map(q => ({ label: `${q.toUpperCase()} added`, unit: 'ms', digits: 2 })),
      { label: "client's sidecar", unit: 'CPU ms/1,000', digits: 0 },
      { label: "server's sidecar", unit: 'CPU ms/1,000', digits: 0 },
      { label: 'memory', unit: 'MB', digits: 1 },
      { label: 'failed', unit: 'requests', digits: 0 },
    ],
    rows: all.map(({ name, running, processor, steps }) => {
      const figure = (metric: string) => numberOf(rowOf(rows, name, metric))
      const cpu = (side: 'client' | 'server') =>
        running === undefined ? null : spread(processor.map(each => each[side])).median
      const failed = steps.reduce((sum, step) => sum + Math.round(step.requests * (1 - step.success)), 0)
      return [
        name,
        ...QUANTILES.map(figure),
        ...QUANTILES.map(q => figure(`${q}-added`)),
        cpu('client'),
        cpu('server'),
        figure('pss'),
        failed,
      ]
    }),
  }
}

function findings(all: readonly Measured[], proxies: readonly Measured[], rows: readonly MeshRow[]): string[] {
  const values = (name: string, metric: string) => rowOf(rows, name, metric)?.values ?? []
  const best = (metric: string, what: string, unit: string) => {
    const sorted = [...proxies].sort(
      (a, b) => (numberOf(rowOf(rows, a.name, metric)) ?? 0) - (numberOf(rowOf(rows, b.name, metric)) ?? 0),
    )
    const [first] = sorted
    if (first === undefined) return []
    const absolute = metric === 'p95-added' ? 'p95' : metric
    const tied = sorted
      .slice(1)
      .filter(({ name }) => !compare(values(name, absolute), values(first.name, absolute)).beyondNoise)
    // A lowest figure that nothing can be told from would be an accident of this run.
    if (tied.length > 0 && tied.length === sorted.length - 1)
      return [`${what}: no subject is told apart from the lowest; the run is too noisy for it.`]
    const lowest = numberOf(rowOf(rows, first.name, metric))?.toFixed(2)
    const others = tied.length === 0 ? '' : `, not told apart from ${tied.map(({ name }) => name).join(', ')}`
    return [`${what}: ${first.name} is lowest with ${lowest} ${unit}${others}.`]
  }
  const lateness = mean(all.flatMap(({ steps }) => steps.map(step => step.lateness.p99)))
  const tie = compare(values(DIRECT, 'p95'), values(DIRECT_AGAIN, 'p95'))
  return [
    ...best('p95-added', 'Added P95', 'ms'),
    ...best('cpu-per-request', 'Processor time of both sidecars', 'ms per 1,000 requests'),
    tie.beyondNoise || Math.abs(Math.log(tie.ratio)) > Math.log(NOTABLE_TIE)
      ? `The two direct connections, which are the same, differ in P95 by a factor of ${tie.ratio.toFixed(2)}: this run was disturbed, and its latencies tell little.`
      : `The two direct connections tie in P95, as they must (ratio ${tie.ratio.toFixed(2)}).`,
    `Requests left ${lateness.toFixed(1)} ms late (mean of the P99 of all rounds) on ${machine().cores} cores, which server, load generator and sidecars share.`,
  ]
}
