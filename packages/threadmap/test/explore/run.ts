/** Explores scenarios on all cores, and prints a table. There is a worker for each of n cores, which takes every nth scenario. */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Explorer, type Failure } from './explorer.js'
import type { Named } from './scenario.js'
import { allScenarios } from './scenarios.js'

export interface Effort {
  /** Only scenarios whose name begins so: a regular expression. A name begins with the kind of the map. */
  pattern?: string
  /** Preemptions, and schedules of one scenario, at most. */
  bound: number
  most: number
  /** Random schedules per scenario, after the search, and their changes of priority. */
  random: number
  changes: number
  /** Milliseconds for all scenarios. After that time the remaining scenarios are explored with one preemption only. */
  milliseconds: number
  workers?: number
  /** Ends with the first failure. */
  once?: boolean
}

/** The scenarios of one map in one situation. */
export interface Row {
  map: string
  situation: string
  scenarios: number
  complete: number
  merged: number
  /** Scenarios whose whole space, up to the bound, was explored. */
  exhausted: number
  random: number
  milliseconds: number
}

function newRow(map: string, situation: string): Row {
  return { map, situation, scenarios: 0, complete: 0, merged: 0, exhausted: 0, random: 0, milliseconds: 0 }
}

function add(row: Row, sum: Row): void {
  for (const field of ['scenarios', 'complete', 'merged', 'exhausted', 'random', 'milliseconds'] as const) {
    sum[field] += row[field]
  }
}

/** A worker stops after this many failures: one fault fails many scenarios. */
const MOST_FAILURES = 20

interface Share {
  rows: Row[]
  failures: Failure[]
}

function exploreShare(effort: Effort, share: number, shares: number): Share {
  const pattern = new RegExp(`^(?:${effort.pattern ?? ''})`)
  const chosen = allScenarios().filter(({ name }) => pattern.test(name))
  const rows = new Map<string, Row>()
  const failures: Failure[] = []
  const until = performance.now() + effort.milliseconds
  for (let i = share; i < chosen.length && failures.length < (effort.once === true ? 1 : MOST_FAILURES); i += shares) {
    const failure = exploreOne(chosen[i], effort, until, rows)
    if (failure !== undefined) failures.push(failure)
  }
  return { rows: [...rows.values()], failures }
}

function exploreOne(scenario: Named, effort: Effort, until: number, rows: Map<string, Row>): Failure | undefined {
  const { map, situation } = scenario
  const started = performance.now()
  const late = started > until
  const explorer = new Explorer(scenario)
  const searched = explorer.search(
    late ? 1 : Math.min(effort.bound, scenario.bound ?? effort.bound),
    Math.min(effort.most, scenario.most ?? effort.most),
  )
  const skip = late || searched.failure !== undefined || effort.random === 0 || scenario.most !== undefined
  const random = skip ? undefined : explorer.random(1, effort.random, effort.changes)
  explorer.dispose()
  const key = `${map} ${situation}`
  const row = rows.get(key) ?? newRow(map, situation)
  rows.set(key, row)
  row.scenarios++
  row.complete += searched.complete
  row.merged += searched.merged
  row.random += random?.complete ?? 0
  if (searched.exhausted && !late) row.exhausted++
  row.milliseconds += performance.now() - started
  return searched.failure ?? random?.failure
}

/** Explores all scenarios that `effort` chooses. */
export async function explore(effort: Effort): Promise<Share> {
  const workers = effort.workers ?? availableParallelism()
  const pool = Array.from(
    { length: workers },
    (_, share) => new Worker(new URL(import.meta.url), { workerData: { effort, share, shares: workers } }),
  )
  const shares = await Promise.all(
    pool.map(
      worker =>
        new Promise<Share>((resolve, reject) => {
          worker.once('message', (share: Share) => {
            resolve(share)
            if (effort.once === true && share.failures.length > 0) for (const other of pool) void other.terminate()
          })
          worker.once('error', reject)
          worker.once('exit', () => resolve({ rows: [], failures: [] }))
        }),
    ),
  )
  const rows = new Map<string, Row>()
  for (const row of shares.flatMap(({ rows }) => rows)) {
    const key = `${row.map} ${row.situation}`
    const sum = rows.get(key) ?? newRow(row.map, row.situation)
    rows.set(key, sum)
    add(row, sum)
  }
  return { rows: [...rows.values()], failures: shares.flatMap(({ failures }) => failures) }
}

export function table(rows: readonly Row[]): string {
  const head = ['map', 'situation', 'scenarios', 'schedules', 'of these merged', 'exhausted', 'random', 'per second']
  const total = newRow('all', '')
  for (const row of rows) add(row, total)
  const number = (n: number): string => Math.round(n).toLocaleString('en')
  const lines = [...rows, total].map(row => {
    const schedules = row.complete + row.merged + row.random
    return [
      row.map,
      row.situation,
      number(row.scenarios),
      number(schedules),
      number(row.merged),
      number(row.exhausted),
      number(row.random),
      number((schedules / row.milliseconds) * 1000),
    ]
  })
  const widths = head.map((title, i) => Math.max(title.length, ...lines.map(line => line[i].length)))
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  return [row(head), ...lines.map(row)].join('\n')
}

export function report({ scenario, problem, preemptions, history, trace }: Failure): string {
  return `${scenario}\n${problem} (${preemptions} preemptions)\n${history}\n${trace}`
}

if (!isMainThread && workerData?.effort !== undefined) {
  const { effort, share, shares } = workerData as { effort: Effort; share: number; shares: number }
  parentPort!.postMessage(exploreShare(effort, share, shares))
}
