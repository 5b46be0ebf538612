/** How changes take effect: rotation, revocation, canary, reload, a wrong configuration. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Table } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { disturbance, shareEffect } from '../load/effects.js'
import { type Answer, Stream } from '../load/stream.js'
import { isLetIn, type Probed, probe } from '../probe/tls.js'
import type { MeshRow } from '../rows/row.js'
import { Steps } from '../subjects/steps.js'
import type { Ability } from '../subjects/subject.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** Requests per second of the stream over open connections, and of the one with new connections. */
const RATE = { open: 150, new: 50 } as const
/** How long a change may take, in ms. */
const PATIENCE_MS = { quick: 5000, full: 30_000 }
/** How often a rotation, a revocation and a canary are repeated: fewer than three give no interval. */
const TIMES = { quick: 3, full: 5 }
/** Milliseconds between two of them. */
const PAUSE_MS = 120
/** The share of the canary before and between changes. */
const USUAL_SHARE = 0.1

export const changes: MeshExperiment = {
  name: 'changes',
  title: 'How fast do changes take effect, and do requests fail?',
  method:
    `While ${RATE.open} requests per second flow over open connections and ${RATE.new} over new ones, the server's sidecar gets another certificate, a revocation list, 100% instead of 10% for a canary, a restart that keeps its listener, and a wrong configuration, one after another, as each proxy offers it; certificate, revocation and canary ${TIMES.full} times (${TIMES.quick} with --quick), so that their times have quartiles. ` +
    'Times are from the command to the effect: the first handshake with the new certificate, the first refusal of the revoked one, the first answers of the canary alone, the last answer of the old version. The handshakes that look for an effect take about 5 ms each and are part of the time, so shorter times are not told apart. ' +
    'Steps are the files and commands that an operator needs. Failed requests are those from the command until the effect and half a second more.',
  seconds: (subjects, quick) => subjects * (quick ? 5 : 14),
  run,
}

/** Everything about one change of one subject. */
interface Change {
  readonly ability: Ability
  readonly cells: readonly string[]
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const rows: MeshRow[] = []
  const lines: string[][] = []
  const { running: all } = context.topology
  for (const [at, running] of all.entries()) {
    context.progress(at / all.length, running.pair.subject)
    const changed = await new Subject(running, context, rows).run((share, what) =>
      context.progress((at + share) / all.length, `${running.pair.subject}, ${what}`),
    )
    lines.push([running.pair.subject, ...changed.flatMap(({ cells }) => cells)])
  }
  const table: Table = {
    title: 'From the command to the effect',
    columns: [
      { label: 'subject' },
      { label: 'certificate' },
      { label: 'revocation' },
      { label: 'canary, open connections' },
      { label: 'canary, new connections' },
      { label: 'wrong configuration' },
      { label: 'reload or hot restart' },
    ],
    rows: lines,
  }
  return { rows, charts: [], tables: [table], findings: findings(rows) }
}

class Subject {
  readonly #running: Running
  readonly #context: MeshContext
  readonly #rows: MeshRow[]

  constructor(running: Running, context: MeshContext, rows: MeshRow[]) {
    this.#running = running
    this.#context = context
    this.#rows = rows
  }

  async run(progress: (share: number, what: string) => void): Promise<Change[]> {
    const changes: [Ability, string, number, () => Promise<string[]>][] = [
      ['rotate', 'certificate', 1, () => this.#rotate()],
      ['revoke', 'revocation', 1, () => this.#revoke()],
      ['canary', 'canary', 2, () => this.#canary()],
      ['misconfigure', 'wrong configuration', 1, () => this.#misconfigure()],
      ['reload', 'reload', 1, () => this.#reload()],
    ]
    const done: Change[] = []
    for (const [at, [ability, what, width, change]] of changes.entries()) {
      this.#context.signal.throwIfAborted()
      progress(at / changes.length, what)
      const lack = this.#running.adapter.lacks[ability]
      if (lack !== undefined) {
        this.#context.leaveOut(`${this.#running.pair.subject}, ${what}`, lack)
        done.push({ ability, cells: Array.from({ length: width }, () => 'does not offer it') })
        continue
      }
      try {
        done.push({ ability, cells: await change() })
      } catch (error) {
        this.#context.signal.throwIfAborted()
        const why = error instanceof Error ? error.message : String(error)
        this.#context.leaveOut(`${this.#running.pair.subject}, ${what}`, `it failed: ${why}`)
        done.push({ ability, cells: Array.from({ length: width }, () => 'failed') })
      }
    }
    return done
  }

  get #patience(): number {
    return PATIENCE_MS[this.#context.quick ? 'quick' : 'full']
  }

  get #times(): number {
    return TIMES[this.#context.quick ? 'quick' : 'full']
  }

  /** The row of a change that was repeated. Without effect once is without effect. */
  #effect(metric: string, took: readonly (number | undefined)[], workload?: string): void {
    const times = took.flatMap(each => each ?? [])
    if (times.length === 0 || times.length < took.length) this.#row(metric, '', 'no effect', workload)
    else this.#row(metric, 'ms', times, workload)
  }

  #row(metric: string, unit: string, value: number | string | readonly number[], workload?: string): void {
    this.#rows.push(
      this.#context.row(this.#running, { metric, unit, value, ...(workload === undefined ? {} : { workload }) }),
    )
  }

  #steps(change: string, steps: Steps): void {
    this.#row('operator-steps', 'steps', steps.done.length, `${change}: ${steps.done.join(', ')}`)
  }

  /** Runs a change inside two streams; `change` returns when it has seen the effect. */
  async #during(
    change: (streams: readonly Stream[]) => Promise<void>,
  ): Promise<{ at: number; open: readonly Answer[]; fresh: readonly Answer[] }> {
    const common = { port: this.#running.pair.plan.ports.outbound, signal: this.#context.signal }
    const streams = [
      new Stream({ ...common, connections: 'open', rate: RATE.open }),
      new Stream({ ...common, connections: 'new', rate: RATE.new }),
    ]
    let at = 0
    try {
      await streams[0].flow(300)
      at = performance.now()
      await change(streams)
      await streams[0].flow(500)
    } finally {
      await Promise.all(streams.map(stream => stream.stop()))
    }
    return { at, open: streams[0].answers, fresh: streams[1].answers }
  }

  /** Probes until one is as wished. @returns milliseconds from `at` to the end of that probe; undefined if it takes too long */
  async #probeUntil(
    at: number,
    identity: { certificate: string; key: string },
    isSo: (probed: Probed) => boolean,
  ): Promise<number | undefined> {
    const { inbound } = this.#running.pair.plan.ports
    while (performance.now() - at < this.#patience) {
      this.#context.signal.throwIfAborted()
      if (isSo(await probe({ port: inbound, identity }))) return performance.now() - at
      await delay(1)
    }
    return undefined
  }

  async #rotate(): Promise<string[]> {
    const { authority, client } = this.#context.topology.identities
    const leaves = await Promise.all(Array.from({ length: this.#times }, () => authority.issue('server')))
    const took: (number | undefined)[] = []
    let steps = new Steps()
    const { at, open, fresh } = await this.#during(async ([stream]) => {
      for (const leaf of leaves) {
        steps = new Steps()
        const began = performance.now()
        await this.#running.pair.rotate(leaf, steps)
        took.push(await this.#probeUntil(began, client, ({ serial }) => serial === leaf.serial))
        if (took.at(-1) === undefined) break
        await stream.flow(PAUSE_MS)
      }
    })
    const failed = failedOf(at, open, fresh)
    this.#effect('rotation', took)
    this.#row('rotation-failed', 'requests', failed)
    this.#steps('certificate', steps)
    return [`${timesText(took)}, ${failed} failed`]
  }

  async #revoke(): Promise<string[]> {
    const { authority, revoked, client } = this.#context.topology.identities
    const { inbound } = this.#running.pair.plan.ports
    const [list, none] = await Promise.all([authority.revocationList([revoked.serial]), authority.revocationList([])])
    const took: (number | undefined)[] = []
    let steps = new Steps()
    let isProven = isLetIn(await probe({ port: inbound, identity: revoked }))
    const { at, open, fresh } = await this.#during(async ([stream]) => {
      for (let round = 1; isProven; round++) {
        steps = new Steps()
        const began = performance.now()
        await this.#running.pair.revoke(list, steps)
        took.push(await this.#probeUntil(began, revoked, probed => !isLetIn(probed)))
        isProven = isLetIn(await probe({ port: inbound, identity: client }))
        if (took.at(-1) === undefined || round === this.#times) break
        await this.#running.pair.revoke(none, new Steps())
        isProven &&= (await this.#probeUntil(performance.now(), revoked, isLetIn)) !== undefined
        await stream.flow(PAUSE_MS)
      }
    })
    const failed = failedOf(at, open, fresh)
    const isEffective = isProven && took.every(each => each !== undefined)
    this.#row('revoked-certificate', '', isEffective ? 'refused' : 'let in')
    if (isEffective) this.#effect('revocation', took)
    if (took.length > 0) this.#steps('revocation', steps)
    if (!isProven) return ['cannot tell: the certificate was refused before, or others are refused too']
    return [`${timesText(took)}, ${failed} failed`]
  }

  async #canary(): Promise<string[]> {
    let steps = new Steps()
    const { pair } = this.#running
    const rounds: { began: number; ended: number }[] = []
    const { at, open, fresh } = await this.#during(async streams => {
      for (let round = 0; round < this.#times; round++) {
        if (round > 0) await this.#usualShare(streams)
        steps = new Steps()
        const began = performance.now()
        await pair.canary(1, steps)
        for (const each of streams) {
          await each.until(answers => shareEffect(answers, began, 'canary').full !== undefined, this.#patience)
        }
        // A slow answer of the old version may still be on its way.
        await streams[0].flow(PAUSE_MS)
        rounds.push({ began, ended: performance.now() })
      }
    })
    const failed = failedOf(at, open, fresh)
    const cells: string[] = []
    for (const [name, answers] of [
      ['open connections', open],
      ['new connections', fresh],
    ] as const) {
      const effects = rounds.map(({ began, ended }) =>
        shareEffect(
          answers.filter(answer => answer.at < ended),
          began,
          'canary',
        ),
      )
      const firsts = effects.flatMap(({ first }) => first ?? [])
      const fulls = effects.map(({ full }) => full)
      if (firsts.length > 0) this.#row('canary-first', 'ms', firsts, name)
      this.#effect('canary', fulls, name)
      cells.push(`${timesText(firsts)} to ${timesText(fulls)}, ${failedOf(at, answers)} failed`)
    }
    this.#row('canary-failed', 'requests', failed)
    this.#steps('canary', steps)
    await pair.canary(USUAL_SHARE, new Steps())
    return cells
  }

  /** Gives the canary its usual share again, and waits until both streams show it. */
  async #usualShare(streams: readonly Stream[]): Promise<void> {
    const at = performance.now()
    await this.#running.pair.canary(USUAL_SHARE, new Steps())
    for (const each of streams) {
      await each.until(
        answers => answers.some(answer => answer.at >= at && answer.version === 'stable'),
        this.#patience,
      )
    }
  }

  async #misconfigure(): Promise<string[]> {
    const { pair } = this.#running
    const { at, open, fresh } = await this.#during(async ([stream]) => {
      await pair.misconfigure()
      await stream.flow(this.#context.quick ? 500 : 2000)
    })
    const failed = failedOf(at, open, fresh)
    const isServing = open.at(-1)?.isGood === true
    const verdict =
      failed === 0 && isServing ? 'refused, the old one serves on' : `took effect: ${failed} requests failed`
    this.#row('bad-configuration', '', verdict)
    // The right configuration again, before anything else is changed.
    await pair.canary(USUAL_SHARE, new Steps())
    return [verdict]
  }

  async #reload(): Promise<string[]> {
    const steps = new Steps()
    const { at, open, fresh } = await this.#during(async ([stream]) => {
      await this.#running.pair.reload(steps)
      await stream.flow(this.#context.quick ? 500 : 3000)
    })
    const requests = [...open, ...fresh].filter(answer => answer.at >= at).length
    const failed = failedOf(at, open, fresh)
    this.#row('reload-failed', 'requests', failed, `of ${requests}`)
    this.#steps('reload', steps)
    return [`${failed} of ${requests} failed`]
  }
}

function failedOf(at: number, ...streams: readonly (readonly Answer[])[]): number {
  return streams.reduce((sum, answers) => sum + disturbance(answers, at).failed, 0)
}

function timesText(took: readonly (number | undefined)[]): string {
  const times = took.flatMap(each => each ?? [])
  return times.length === 0 || times.length < took.length ? 'no effect' : `${spread(times).median.toFixed(0)} ms`
}

function findings(rows: readonly MeshRow[]): string[] {
  const figures = (metric: string) =>
    rows.filter((row): row is MeshRow & { value: number } => row.metric === metric && typeof row.value === 'number')
  const range = (metric: string, what: string) => {
    const sorted = figures(metric).sort((a, b) => a.value - b.value)
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (first === undefined || last === undefined) return []
    return [
      `${what}: from ${first.value.toFixed(0)} ms (${first.subject}) to ${last.value.toFixed(0)} ms (${last.subject}).`,
    ]
  }
  const failing = ['rotation-failed', 'canary-failed', 'reload-failed']
    .flatMap(figures)
    .filter(({ value }) => value > 0)
  return [
    ...range('rotation', 'A new certificate is in use'),
    ...range('revocation', 'A revoked certificate is refused'),
    ...range('canary', 'All requests go to the canary'),
    failing.length === 0
      ? 'No request failed in any change.'
      : `Requests failed: ${failing.map(({ subject, metric, value }) => `${subject}, ${metric.replace('-failed', '')}: ${value}`).join('; ')}.`,
    ...rows
      .filter(({ metric, value }) => metric === 'bad-configuration' && String(value).startsWith('took'))
      .map(({ subject, value }) => `${subject} took a wrong configuration: ${value}.`),
  ]
}
