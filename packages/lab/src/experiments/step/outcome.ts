import { availableParallelism } from 'node:os'
import { type Evidence, measured } from '@threadmap/workbench/evidence'
import type { Outcome, Table } from '@threadmap/workbench/experiment'
import { kneeTexts, type Objective } from '@threadmap/workbench/load/knee/knees'
import { OVERLOAD } from '@threadmap/workbench/load/knee/step-load'
import { mean, total } from '@threadmap/workbench/statistics'
import { chartsOf } from './charts.js'
import { beliefsOf } from './folklore.js'
import { PROBE_HINT } from './foreign/attribution.js'
import { chainText } from './knee/attribution.js'
import type { Series } from './measure.js'
import { lockWait, ownCores, type Step } from './series.js'

/** The `details` of the record. */
export interface StepDetails {
  readonly objective: Objective
  readonly series: readonly Series[]
}

/** The outcome that follows from the steps of each target. */
export function outcomeOf(series: readonly Series[], objective: Objective): Outcome {
  const details: StepDetails = { objective, series }
  // The main target is the server, which tells most; without a server, the first map.
  const main = series.find(({ type }) => type !== 'in process') ?? series[0]
  return {
    evidence: series.flatMap(evidenceOf),
    charts: chartsOf(series, main, objective),
    tables: [...series.map(stepTable), closedTable(series), kneeTable(series), ...chainTables(series)],
    findings: [
      ...findingsOf(main, objective),
      ...neighbours(series),
      ...series.filter(each => each !== main).flatMap(each => findingsOf(each, objective)),
    ],
    conclusions: series.flatMap(({ name, attribution, planted }) => {
      if (attribution === null) return []
      const answer = attribution.resource ?? 'none'
      // Where nothing was planted, several resources may be near their limits, and which of them is full first is not certain.
      return [
        { question: `what runs out, ${name}`, answer, tied: planted === null && answer === 'none' ? ['queue'] : [] },
      ]
    }),
    beliefs: beliefsOf(main, series),
    details,
  }
}

/** Below this share of a busy machine's processor time, the figures say more about other programs than about the target. */
const LEAST_SHARE = 0.5

/** A warning where other programs had most of the processors. */
function neighbours(series: readonly Series[]): string[] {
  const resources = series.flatMap(({ steps }) => steps.map(step => step.resources))
  const used = mean(resources.map(({ machine }) => machine)) * availableParallelism()
  const own = mean(resources.map(ownCores))
  if (own >= LEAST_SHARE * used || used < LEAST_SHARE * availableParallelism()) return []
  return [
    `Other programs had ${Math.round(100 * (1 - own / used))}% of the processor time in use meanwhile: these are figures of a shared machine.`,
  ]
}

function evidenceOf({ name, workers, steps, closed }: Series): Evidence[] {
  const rows = (step: Step) => {
    const loop = step.offered === null ? 'closed loop' : 'open loop'
    const row = { experiment: 'step', subject: name, workers, workload: `${step.clients} clients, ${loop}` }
    const slices = (of: (slice: Step['slices'][number]) => number) => step.slices.map(of)
    return [
      measured(
        { ...row, metric: 'throughput', unit: '/s' },
        slices(slice => slice.throughput),
      ),
      measured(
        { ...row, metric: 'P50', unit: 'ms' },
        slices(slice => slice.p50),
      ),
      measured(
        { ...row, metric: 'P95', unit: 'ms' },
        slices(slice => slice.p95),
      ),
      measured(
        { ...row, metric: 'P99', unit: 'ms' },
        slices(slice => slice.p99),
      ),
      measured({ ...row, metric: 'P99.9', unit: 'ms' }, [step.latency.p999]),
      measured({ ...row, metric: 'success', unit: '%' }, [100 * step.success]),
    ]
  }
  return [...closed, ...steps].flatMap(rows)
}

function stepTable({ name, steps }: Series): Table {
  const share = (step: Step, part: 'active' | 'collector') => {
    const known = step.resources.workers.flatMap(each => each[part] ?? [])
    return known.length === 0 ? null : 100 * mean(known)
  }
  const percent = (share: number | undefined) => (share === undefined ? null : 100 * share)
  return {
    title: `${name}, step by step (open loop)`,
    columns: [
      { label: 'clients' },
      { label: 'offered', unit: '/s', digits: 0 },
      { label: 'throughput', unit: '/s', digits: 0 },
      { label: 'P50', unit: 'ms' },
      { label: 'P95', unit: 'ms' },
      { label: 'P99', unit: 'ms' },
      { label: 'P99.9', unit: 'ms' },
      { label: 'success', unit: '%', digits: 2 },
      { label: 'CPU', unit: 'cores', digits: 2 },
      { label: 'active', unit: '%', digits: 0 },
      { label: 'GC pause', unit: '%', digits: 1 },
      { label: 'lock wait', unit: '%', digits: 1 },
      { label: 'lock waits', unit: 'per 1,000', digits: 1 },
      { label: 'waiting' },
      { label: 'in progress' },
      { label: 'sent late, P99', unit: 'ms' },
    ],
    rows: steps.map(step => [
      step.clients,
      step.offered,
      step.throughput,
      step.latency.p50,
      step.latency.p95,
      step.latency.p99,
      step.latency.p999,
      100 * step.success,
      step.resources.cores,
      share(step, 'active'),
      share(step, 'collector'),
      percent(lockWait(step.resources)),
      step.resources.mapLocks === undefined ? null : 1000 * total(step.resources.mapLocks.waits),
      step.waiting,
      step.inProgress,
      step.resources.generators.length === 0 ? null : step.lateness.p99,
    ]),
  }
}

function closedTable(series: readonly Series[]): Table {
  return {
    title: 'The ceiling: closed loops, in which each client sends as soon as it is answered',
    columns: [
      { label: 'target' },
      { label: 'clients' },
      { label: 'throughput', unit: '/s', digits: 0 },
      { label: 'P50', unit: 'ms' },
      { label: 'P99', unit: 'ms' },
      { label: 'generator active', unit: '%', digits: 0 },
    ],
    rows: series.flatMap(({ name, closed }) =>
      closed.map(({ clients, throughput, latency, resources: { generators } }) => [
        name,
        clients,
        throughput,
        latency.p50,
        latency.p99,
        generators.length === 0 ? null : 100 * mean(generators.map(({ active }) => active)),
      ]),
    ),
  }
}

function kneeTable(series: readonly Series[]): Table {
  return {
    title: 'The knee, three ways',
    columns: [
      { label: 'target' },
      { label: 'by the objective' },
      { label: 'by Kneedle' },
      { label: 'by the scalability law' },
      { label: 'contention' },
      { label: 'coherency', unit: 'per million' },
      { label: 'what runs out' },
    ],
    rows: series.map(({ name, knees, attribution, ratePerClient }) => {
      const [usl, bend, objective] = kneeTexts(knees, ratePerClient)
      const { fit } = knees
      return [
        name,
        objective,
        bend,
        usl,
        fit?.alpha ?? null,
        fit === null ? null : 1e6 * fit.beta,
        attribution === null
          ? 'no knee reached'
          : knees.objective === null
            ? `nothing within the objective; nearest to its limit: ${attribution.name}`
            : attribution.name,
      ]
    }),
  }
}

function chainTables(series: readonly Series[]): Table[] {
  return series.flatMap(({ name, attribution, steps, knees: { beyond, objective } }) =>
    attribution === null || beyond === null
      ? []
      : [
          {
            title:
              objective === null
                ? `What is nearest to its limit, though ${name} meets the objective: ${attribution.name}`
                : `What runs out behind the knee of ${name}: ${attribution.name}`,
            columns: [
              { label: 'from the cause to what clients feel' },
              ...(beyond === 0 ? [] : [{ label: `${steps[0].clients} clients` }]),
              { label: `${steps[beyond].clients} clients` },
              { label: 'unit' },
            ],
            rows: attribution.chain.map(({ what, before, beyond: past, unit }) => [
              what,
              ...(beyond === 0 ? [] : [before]),
              past,
              unit,
            ]),
          },
        ],
  )
}

function findingsOf(series: Series, { p95, success }: Objective): string[] {
  const { name, knees, attribution, steps, ratePerClient } = series
  const goal = `P95 of ${p95} ms and ${100 * success}% success`
  const findings: string[] = []
  const at = steps.find(({ clients }) => clients === knees.objective)
  if (knees.objective === null) {
    const { clients, throughput } = steps[steps.length - 1]
    findings.push(
      `${name}: the knee was not reached by the objective: ${goal} hold up to the last step, ${count(throughput)}/s (${clients} clients).`,
    )
  } else if (at === undefined) {
    findings.push(`${name}: not even the first step, ${steps[0].clients} clients, meets ${goal}.`)
  } else {
    const next = steps[steps.indexOf(at) + 1]
    findings.push(
      `${name} meets ${goal} up to ${count(at.throughput)}/s (${at.clients} clients${clientsText(series)}), and no more at ${count(next.clients * ratePerClient)}/s: the knee is between the two${otherKnees(series)}.`,
    )
  }
  if (attribution !== null) findings.push(causeText(series))
  findings.push(...hotText(series))
  return findings
}

/**
 * The knee is the objective's, since a service is judged by its objective. The other two describe the shape of the curves, whatever the
 * objective is, and are named where they lie elsewhere.
 */
function otherKnees({ knees, ratePerClient }: Series): string {
  if (knees.agree) return ', as the other two ways say, too'
  const [usl, bend] = kneeTexts(knees, ratePerClient)
  return ` (your objective decides it; the shape of the curves alone would say: by the bend of latency ${bend}; by the scalability law ${usl})`
}

/** Where the busiest thread spends its time. */
function hotText({ name, hot = [] }: Series): string[] {
  if (hot.length === 0) return []
  const list = hot.map(
    each => `${each.name}${each.place === '' ? '' : ` (${each.place})`} ${Math.round(100 * each.share)}%`,
  )
  return [`${name}: the busiest thread spends its time in ${list.join(', ')}.`]
}

/** Where a client's rate was chosen by the ceiling, the number of clients says nothing about the target. */
function clientsText({ isRateChosen, ratePerClient }: Series): string {
  return isRateChosen
    ? ` of ${Number(ratePerClient.toPrecision(2))}/s each, a rate at which the last step offers ${OVERLOAD} times the ceiling; --rate sets your clients'`
    : ''
}

function causeText({ name, type, attribution, knees: { beyond, objective }, steps }: Series): string {
  if (attribution === null || beyond === null) return ''
  const { clients } = steps[beyond]
  const cause =
    objective === null
      ? `${name}: nothing runs out within the objective; nearest to its limit at ${clients} clients is ${attribution.name}`
      : attribution.resource === null
        ? `${name}: what runs out at ${clients} clients cannot be told, since no measured resource is full`
        : `${name}: what runs out at ${clients} clients is ${attribution.name}`
  const hint =
    attribution.resource === null && steps[beyond].resources.inner?.seenBy !== 'probe' && type === 'foreign'
      ? `; ${PROBE_HINT}`
      : ''
  const others = attribution.ruledOut.length > 0 ? ` (${attribution.ruledOut.join('; ')})` : ''
  return `${cause}${others}${hint}: ${chainText(attribution)}.`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
