/** Two datacentres whose link is cut and comes back: how old the discovery of the other one gets, and how long until it is right again. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LineChart, Table } from '@threadmap/workbench/experiment'
import { METRICS, type MeshRow } from '../rows/row.js'
import { type Federation, PORTS_PER_PAIR } from '../subjects/subject.js'
import { portsOf, type Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** Seconds before the cut, of the cut, and at most after it. */
const BEFORE_S = 5
const CUT_S = { whole: 60, full: 300 }
const PATIENCE_S = 150
/** Discovery is right again when it is no older than this, for `STEADY_MS`. */
const FRESH_MS = 2000
const STEADY_MS = 2000
const ANNOUNCED_EVERY_MS = 250
const ASKED_EVERY_MS = 100
const DRAWN_EVERY_MS = 500
/** What the start takes, and the recovery, for the forecast. */
const START_S = 12
const RECOVERY_S = 15

export const federation: MeshExperiment = {
  name: 'federation',
  title: 'How old does discovery get when the link of two datacentres is cut?',
  method:
    `Two agents, one for each datacentre, know each other by a link of ours that carries all gossip (UDP and TCP) and all requests between them. In the second datacentre a service changes every ${ANNOUNCED_EVERY_MS} ms and carries the time of its change; the agent of the first is asked for it every ${ASKED_EVERY_MS} ms. ` +
    `The age of discovery is the time since the change that the last answer knew. The link is cut for ${CUT_S.whole} s (${CUT_S.full} s with --full), in silence, as a cable that is pulled; discovery is right again when it stays younger than ${FRESH_MS / 1000} s. ` +
    'When the link is back, connections go on at once: between two machines TCP would send again by its own backoff, which can take as long again as half of the cut.',
  isLong: true,
  seconds: () => START_S + BEFORE_S + CUT_S.whole + RECOVERY_S,
  run,
}

/** A question, in ms from the cut on. */
export interface Asked {
  readonly asked: number
  /** When it was answered, or failed. */
  readonly told: number
  /** The age of what was known then, in ms. */
  readonly age: number
  readonly failure: string | undefined
}

/** How old discovery was at a time, in ms from the cut on. */
export interface Aged {
  readonly at: number
  readonly age: number
}

/** What a cut of `cutMs` did. */
export interface Course {
  /** The highest age, in ms. */
  readonly oldest: number
  /** From the end of the cut until discovery was right again, in ms; undefined: not within our patience. */
  readonly recovery: number | undefined
  /** Questions that had no answer, when the first of them failed in ms from the cut on, and what was said most often. */
  readonly failed: number
  readonly firstFailure: number | undefined
  readonly said: string | undefined
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology } = context
  const able = topology.running.filter(({ adapter }) => adapter.federate !== undefined)
  for (const running of topology.running) {
    if (!able.includes(running)) context.leaveOut(running.pair.subject, 'it has no federation of datacentres')
  }
  const rows: MeshRow[] = []
  const charts: LineChart[] = []
  const lines: (string | number | null)[][] = []
  const findings: string[] = []
  for (const running of able) {
    const { subject } = running.pair
    try {
      const cutS = CUT_S[context.full ? 'full' : 'whole']
      const { asked, ages } = await watched(running, cutS * 1000, context)
      const course = courseOf(asked, ages, cutS * 1000)
      rows.push(...rowsOf(running, course, cutS, context))
      charts.push(chartOf(subject, ages, cutS))
      lines.push([
        subject,
        cutS,
        course.oldest / 1000,
        inSeconds(course.recovery),
        course.failed,
        inSeconds(course.firstFailure),
        course.said ?? '',
      ])
      findings.push(finding(subject, course, cutS))
    } catch (error) {
      context.signal.throwIfAborted()
      context.leaveOut(subject, `it failed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const table: Table = {
    title: 'Discovery over a link that is cut',
    columns: [
      { label: 'subject' },
      { label: 'cut', unit: 's', digits: 0 },
      { label: 'oldest answer', unit: 's', digits: 1 },
      { label: 'right again after', unit: 's', digits: 1 },
      { label: 'questions without an answer', digits: 0 },
      { label: 'the first of them after', unit: 's', digits: 1 },
      { label: 'what was said' },
    ],
    rows: lines,
  }
  return {
    rows,
    charts,
    tables: lines.length === 0 ? [] : [table],
    findings:
      findings.length === 0
        ? ['Nothing was measured: no subject with a federation of datacentres is there.']
        : findings,
  }
}

/** Starts two datacentres, cuts their link and joins it, and asks all the time. */
async function watched(
  running: Running,
  cutMs: number,
  context: MeshContext,
): Promise<{ asked: Asked[]; ages: Aged[] }> {
  const { signal, topology } = context
  const progress = (share: number, doing: string) => context.progress(share, `${running.pair.subject}, ${doing}`)
  progress(0, 'two datacentres start')
  const folder = join(running.pair.plan.folder, 'federation')
  const ports = portsOf(await topology.ports(PORTS_PER_PAIR))
  const federation = await running.adapter.federate!(running.binary, { folder, ports })
  const stopped = new AbortController()
  let announcing: Promise<void> = Promise.resolve()
  try {
    announcing = announce(federation, stopped.signal)
    await known(federation, signal)
    const asked: Asked[] = []
    const ages: Aged[] = []
    const ask = asking(federation, asked, ages, stopped.signal)
    const wait = async (ms: number, doing: string, from: number, to: number) => {
      const began = performance.now()
      for (let past = 0; past < ms; past = performance.now() - began) {
        progress(from + ((to - from) * past) / ms, doing)
        await delay(Math.min(500, ms - past), undefined, { signal })
      }
    }
    await wait(BEFORE_S * 1000, 'before the cut', 0.2, 0.25)
    await federation.cut()
    const cut = performance.now()
    await wait(cutMs, 'the link is cut', 0.25, 0.75)
    await federation.join()
    const joined = performance.now()
    const until = joined + PATIENCE_S * 1000
    while (performance.now() < until && !isSteady(asked, joined)) {
      await wait(500, 'the link is back', 0.75, 0.9)
    }
    stopped.abort()
    await ask
    return {
      asked: asked.map(each => ({ ...each, asked: each.asked - cut, told: each.told - cut })),
      ages: ages.map(({ at, age }) => ({ at: at - cut, age })),
    }
  } finally {
    stopped.abort()
    await announcing
    await federation.stop()
  }
}

/** Changes the service again and again until the end. */
async function announce(federation: Federation, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    // The second datacentre serves on during the cut; a change that is refused is followed by the next.
    await federation.announce(String(Math.round(performance.now()))).catch(() => {})
    await delay(ANNOUNCED_EVERY_MS, undefined, { signal: ended }).catch(() => {})
  }
}

/** Waits until the first datacentre knows the service of the second. */
async function known(federation: Federation, signal: AbortSignal): Promise<void> {
  const until = performance.now() + PATIENCE_S * 1000
  for (;;) {
    try {
      await federation.discover()
      return
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await delay(ASKED_EVERY_MS, undefined, { signal })
  }
}

/** Asks in regular intervals, whether or not an earlier question has its answer: the youngest answer counts. */
async function asking(federation: Federation, asked: Asked[], ages: Aged[], ended: AbortSignal): Promise<void> {
  let newest = Number.NEGATIVE_INFINITY
  const open = new Set<Promise<void>>()
  while (!ended.aborted) {
    const began = performance.now()
    if (newest > Number.NEGATIVE_INFINITY) ages.push({ at: began, age: began - newest })
    const note = (failure: string | undefined) => {
      const told = performance.now()
      if (newest > Number.NEGATIVE_INFINITY) asked.push({ asked: began, told, age: told - newest, failure })
    }
    const question = federation.discover().then(
      mark => {
        newest = Math.max(newest, Number(mark))
        note(undefined)
      },
      (error: Error) => note(error.message),
    )
    open.add(question)
    question.finally(() => open.delete(question))
    await delay(ASKED_EVERY_MS, undefined, { signal: ended }).catch(() => {})
  }
  await Promise.all(open)
}

/** Whether all answers of the last moments are young. */
function isSteady(asked: readonly Asked[], from: number): boolean {
  const since = Math.max(from, performance.now() - STEADY_MS)
  if (performance.now() - from < STEADY_MS) return false
  const last = asked.filter(each => each.asked >= since)
  return last.length > 0 && last.every(({ age, failure }) => age <= FRESH_MS && failure === undefined)
}

/** What happened from a cut at 0 on, whose end was at `cutMs`. `all` is in the order of the answers. */
export function courseOf(all: readonly Asked[], ages: readonly Aged[], cutMs: number): Course {
  const after = all.filter(({ told }) => told >= 0)
  const failures = after.filter(({ failure }) => failure !== undefined)
  const joined = after.filter(({ told }) => told >= cutMs)
  // Questions of the time of the cut may fail after it, by their own patience.
  const lastBad = joined.findLastIndex(({ asked, age, failure }) =>
    failure === undefined ? age > FRESH_MS : asked >= cutMs,
  )
  const back = joined.slice(lastBad + 1).find(({ failure }) => failure === undefined)
  const counts = new Map<string, number>()
  for (const { failure } of failures) counts.set(failure!, (counts.get(failure!) ?? 0) + 1)
  const [said] = [...counts].sort((a, b) => b[1] - a[1])
  return {
    oldest: Math.max(0, ...ages.filter(({ at }) => at >= 0).map(({ age }) => age)),
    recovery: back === undefined ? undefined : back.told - cutMs,
    failed: failures.length,
    firstFailure: failures[0]?.told,
    said: said?.[0],
  }
}

function rowsOf(running: Running, { oldest, recovery }: Course, cutS: number, { row }: MeshContext): MeshRow[] {
  const workload = `two datacentres, link cut for ${cutS} s`
  const metric = 'discovery-recovery'
  return [
    row(running, { metric: 'discovery-age', unit: METRICS['discovery-age'].unit, value: oldest / 1000, workload }),
    recovery === undefined
      ? row(running, { metric, unit: '', value: 'none', workload })
      : row(running, { metric, unit: METRICS[metric].unit, value: recovery / 1000, workload }),
  ]
}

function chartOf(subject: string, ages: readonly Aged[], cutS: number): LineChart {
  const points: { x: number; y: number }[] = []
  for (const { at, age } of ages) {
    const last = points.at(-1)
    if (last === undefined || at / 1000 - last.x >= DRAWN_EVERY_MS / 1000) points.push({ x: at / 1000, y: age / 1000 })
  }
  return {
    kind: 'line',
    id: `discovery-age-${subject}`,
    title: `${subject}: the age of discovery while the link is cut, and after it`,
    alternative: `The age rises to ${(Math.max(0, ...points.map(({ y }) => y))).toFixed(0)} s; the link is cut from 0 to ${cutS} s.`,
    x: { label: 'time from the cut on', unit: 's' },
    y: { label: 'age of discovery', unit: 's' },
    series: [{ name: subject, points }],
    marks: [
      { x: 0, label: 'cut' },
      { x: cutS, label: 'joined' },
    ],
  }
}

function finding(subject: string, { oldest, recovery, failed, firstFailure, said }: Course, cutS: number): string {
  const back =
    recovery === undefined
      ? `it was not right again within ${PATIENCE_S} s`
      : `it was right again ${(recovery / 1000).toFixed(1)} s after the link was back`
  const asked =
    failed === 0 || firstFailure === undefined
      ? 'every question had an answer'
      : `${failed} questions had none, the first ${(firstFailure / 1000).toFixed(1)} s after the cut (“${said}”)`
  return `${subject}: with the link cut for ${cutS} s, discovery got ${(oldest / 1000).toFixed(0)} s old, and ${back}; ${asked}.`
}

function inSeconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}
