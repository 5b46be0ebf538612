/** A new root: how long until its certificates are in use and those of the old one are refused, and what breaks meanwhile. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Table } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { Authority } from '../authority/authority.js'
import { disturbance } from '../load/effects.js'
import { HeldConnections, type HeldResult } from '../load/held.js'
import { Stream } from '../load/stream.js'
import { type Probed, probe } from '../probe/tls.js'
import { ProxyError } from '../processes/errors.js'
import type { MeshRow } from '../rows/row.js'
import { Steps } from '../subjects/steps.js'
import type { Trust } from '../subjects/subject.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** Requests per second through the pair, over connections that stay and over new ones. */
const RATE = { open: 100, new: 50 } as const
/** An even number, so that the last round ends with the authority of the run. */
const ROUNDS = { quick: 2, full: 4 }
/** Rounds of a proxy with an authority of its own, each of which may take half a minute. */
const OWN_ROUNDS = { quick: 1, full: 3 }
/** How long a step may take, in ms, unless the adapter names more. */
const PATIENCE_MS = 5000
/** Open connections of a client with a certificate of the old root. */
const HELD = 8
/** How long these are looked at after the old root is refused, in ms. */
const LINGER_MS = { quick: 500, full: 1500 }

export const caRotation: MeshExperiment = {
  name: 'ca-rotation',
  title: 'What does a new root take?',
  isLong: true,
  method:
    `While ${RATE.open} requests per second flow over open connections and ${RATE.new} over new ones, both sidecars are led to a new root as an operator does it without a gap: first they trust both roots, then they get certificates of the new one, then they trust it alone. Each step begins when the one before shows. ` +
    "The first effect is a handshake in which the server's sidecar shows a certificate of the new root; the full effect is the first refusal of a new connection with one of the old root. " +
    `${HELD} connections of such a client were open before, and send a request every 50 ms: whether they are closed shows the effect on open connections. Rounds go there and back. ` +
    'A proxy with an authority of its own gets its new root by its own command, and says itself when the old one ends.',
  seconds: (subjects, quick) => subjects * (quick ? 4 : 8) + (quick ? 30 : 90),
  run,
}

/** What a round found; times in ms from the first command. */
interface Round {
  readonly first: number
  /** Undefined: the old root stays trusted. */
  readonly full: number | undefined
  readonly requests: number
  readonly failed: number
  readonly held: HeldResult
  /** When the first and the last of the held connections were closed. */
  readonly closed: readonly number[]
  readonly steps: readonly string[]
}

/** One end of a rotation: an authority, and the certificates of it. */
interface End extends Trust {
  readonly name: string
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, signal } = context
  const { running: all } = topology
  const { authority, server, client } = topology.identities
  const old = { name: 'old', ...(await endOf(authority)), server, client }
  const successor = await Authority.create('the next mesh authority')
  const next = {
    name: 'new',
    ...(await endOf(successor)),
    server: await successor.issue('server'),
    client: await successor.issue('client'),
  }
  const rows: MeshRow[] = []
  const lines: string[][] = []
  for (const [at, running] of all.entries()) {
    signal.throwIfAborted()
    const { pair, adapter } = running
    const progress = (share: number) => context.progress((at + share) / all.length, pair.subject)
    progress(0)
    if (pair.trust === undefined && pair.renewAuthority === undefined) {
      context.leaveOut(`${pair.subject}, a new root`, adapter.lacks.authority ?? 'its adapter offers none')
      continue
    }
    try {
      const rounds =
        pair.trust === undefined
          ? await own(running, context, progress)
          : await swaps(running, [old, next], context, progress)
      rows.push(...rowsOf(running, rounds, context))
      lines.push(lineOf(pair.subject, rounds))
    } catch (error) {
      signal.throwIfAborted()
      const why = error instanceof Error ? error.message : String(error)
      context.leaveOut(`${pair.subject}, a new root`, `it failed: ${why}`)
      // The experiments that follow use the certificates of the run.
      await pair.trust?.(old, new Steps()).catch(() => {})
    }
  }
  const table: Table = {
    title: 'From the first command of a new root',
    columns: [
      { label: 'subject' },
      { label: 'new certificate in use' },
      { label: 'old root refused' },
      { label: 'open connections of the old root' },
      { label: 'requests' },
      { label: 'steps' },
    ],
    rows: lines,
  }
  return { rows, charts: [], tables: [table], findings: findings(rows) }
}

async function endOf(authority: Authority): Promise<Pick<Trust, 'authority' | 'revocations'>> {
  return { authority: authority.certificate, revocations: await authority.revocationList([]) }
}

async function swaps(
  running: Running,
  [old, next]: readonly [End, End],
  context: MeshContext,
  progress: (share: number) => void,
): Promise<Round[]> {
  const count = ROUNDS[context.quick ? 'quick' : 'full']
  const rounds: Round[] = []
  for (let round = 0; round < count; round++) {
    progress(round / count)
    const [from, to] = round % 2 === 0 ? [old, next] : [next, old]
    rounds.push(await during(running, from.client, context, steps => swap(running, from, to, steps, context)))
  }
  return rounds
}

/** Times of the effects, in ms of `performance.now()`. */
interface Effects {
  readonly first: number
  readonly full: number | undefined
}

async function swap({ pair }: Running, from: End, to: End, steps: Steps, context: MeshContext): Promise<Effects> {
  const { inbound } = pair.plan.ports
  const when = (what: string, identity: Trust['client'], isSo: (probed: Probed) => boolean) =>
    probeUntil(`${pair.subject}: ${what} root`, inbound, identity, isSo, PATIENCE_MS, context.signal)
  const both = { authority: from.authority + to.authority, revocations: from.revocations + to.revocations }
  await pair.trust?.({ ...from, ...both }, steps)
  await when('both trusted: a certificate of the new', to.client, isLetIn)
  await pair.trust?.({ ...to, ...both }, steps)
  const first = await when('a server certificate of the new', to.client, ({ serial }) => serial === to.server.serial)
  await pair.trust?.(to, steps)
  const full = await when('the refusal of the old', from.client, probed => !isLetIn(probed))
  return { first, full }
}

async function own(running: Running, context: MeshContext, progress: (share: number) => void): Promise<Round[]> {
  const count = OWN_ROUNDS[context.quick ? 'quick' : 'full']
  const rounds: Round[] = []
  for (let round = 0; round < count; round++) {
    progress(round / count)
    const before = await running.pair.ownIdentities!()
    rounds.push(await during(running, before.client, context, steps => renew(running, before.client, steps, context)))
  }
  return rounds
}

type Certificate = { readonly certificate: string; readonly key: string }

async function renew(
  { pair, adapter }: Running,
  client: Certificate,
  steps: Steps,
  context: MeshContext,
): Promise<Effects> {
  const { inbound } = pair.plan.ports
  const patience = Math.max(PATIENCE_MS, 1500 * (adapter.slow?.authority ?? 0))
  const { serial: known } = await probe({ port: inbound, identity: client })
  await pair.renewAuthority?.(steps)
  const isNew = ({ serial }: Probed) => serial !== undefined && serial !== known
  const first = await probeUntil(
    `${pair.subject}: a certificate of the new root`,
    inbound,
    client,
    isNew,
    patience,
    context.signal,
  )
  const refused = await probe({ port: inbound, identity: client })
  return { first, full: isLetIn(refused) ? undefined : performance.now() }
}

/** Runs a rotation inside two streams and beside connections of the old root. */
async function during(
  { pair }: Running,
  oldClient: Certificate,
  { quick, signal }: MeshContext,
  rotate: (steps: Steps) => Promise<Effects>,
): Promise<Round> {
  const common = { port: pair.plan.ports.outbound, signal }
  const held = await HeldConnections.open(pair.plan.ports.inbound, oldClient, HELD)
  const streams = [
    new Stream({ ...common, connections: 'open', rate: RATE.open }),
    new Stream({ ...common, connections: 'new', rate: RATE.new }),
  ]
  const steps = new Steps()
  let effects: Effects
  let result: HeldResult
  let at = 0
  try {
    await streams[0].flow(200)
    at = performance.now()
    effects = await rotate(steps)
    await streams[0].flow(LINGER_MS[quick ? 'quick' : 'full'])
  } finally {
    result = held.end()
    await Promise.all(streams.map(stream => stream.stop()))
  }
  const found = streams.map(({ answers }) => disturbance(answers, at))
  return {
    first: effects.first - at,
    full: effects.full === undefined ? undefined : effects.full - at,
    requests: found.reduce((sum, { requests }) => sum + requests, 0),
    failed: found.reduce((sum, { failed }) => sum + failed, 0),
    held: result,
    closed: result.closed.map(time => time - at),
    steps: steps.done,
  }
}

/** The time at which a probe is as wished. `ProxyError` if none is in time. */
async function probeUntil(
  what: string,
  port: number,
  identity: Certificate,
  isSo: (probed: Probed) => boolean,
  patienceMs: number,
  signal: AbortSignal,
): Promise<number> {
  const until = performance.now() + patienceMs
  while (performance.now() < until) {
    signal.throwIfAborted()
    if (isSo(await probe({ port, identity }))) return performance.now()
    await delay(1)
  }
  throw new ProxyError(`${what} was not seen within ${patienceMs / 1000} s`)
}

function isLetIn({ kind, status }: Probed): boolean {
  return kind === 'answered' && (status ?? 0) < 400
}

const STAYS = 'the old root stays trusted'

function rowsOf(running: Running, rounds: readonly Round[], context: MeshContext): MeshRow[] {
  const ms = (metric: string, value: readonly number[]) => context.row(running, { metric, unit: 'ms', value })
  const full = rounds.flatMap(each => each.full ?? [])
  const first = rounds.map(each => each.first)
  const failed = rounds.reduce((sum, each) => sum + each.failed, 0)
  const requests = rounds.reduce((sum, each) => sum + each.requests, 0)
  const [{ steps }] = rounds
  return [
    ms('ca-rotation-first', first),
    full.length === rounds.length
      ? ms('ca-rotation', full)
      : context.row(running, { metric: 'ca-rotation', unit: '', value: STAYS }),
    // Where certificates come from the proxy's own authority, its new root is also the way to a new certificate.
    ...(running.pair.trust === undefined ? [ms('rotation', first)] : []),
    context.row(running, { metric: 'ca-rotation-open', unit: '', value: heldText(rounds) }),
    context.row(running, {
      metric: 'ca-rotation-failed',
      unit: 'requests',
      value: failed,
      workload: `${rounds.length} rotations; of ${requests} requests`,
    }),
    context.row(running, {
      metric: 'operator-steps',
      unit: 'steps',
      value: steps.length,
      workload: `ca-rotation: ${steps.join(', ')}`,
    }),
  ]
}

/** What became of the connections that were open before. */
function heldText(rounds: readonly Pick<Round, 'held' | 'closed'>[]): string {
  const count = rounds.reduce((sum, { held }) => sum + held.count, 0)
  const closed = rounds.flatMap(each => each.closed)
  if (closed.length === 0) return 'served on'
  const range = `${Math.min(...closed).toFixed(0)} to ${Math.max(...closed).toFixed(0)} ms`
  return closed.length === count ? `closed after ${range}` : `${closed.length} of ${count} closed after ${range}`
}

function rangeText(values: readonly number[]): string {
  if (values.length === 0) return STAYS
  const { median } = spread(values)
  return `${median.toFixed(0)} ms (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`
}

function lineOf(subject: string, rounds: readonly Round[]): string[] {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0)
  return [
    subject,
    rangeText(rounds.map(({ first }) => first)),
    rangeText(rounds.flatMap(({ full }) => full ?? [])),
    heldText(rounds),
    `${sum(({ failed }) => failed)} of ${sum(({ requests }) => requests)} failed`,
    `${rounds[0].steps.length}`,
  ]
}

function findings(rows: readonly MeshRow[]): string[] {
  const of = (metric: string) => rows.filter(row => row.metric === metric)
  const sorted = of('ca-rotation')
    .filter(({ value }) => typeof value === 'number')
    .sort((a, b) => Number(a.value) - Number(b.value))
  const [first, last] = [sorted[0], sorted.at(-1)]
  const list = (found: readonly MeshRow[]) => found.map(({ subject }) => subject).join(', ')
  const stays = of('ca-rotation').filter(({ value }) => value === STAYS)
  const failing = of('ca-rotation-failed').filter(({ value }) => Number(value) > 0)
  const open = of('ca-rotation-open').filter(({ value }) => value === 'served on')
  return [
    first === undefined || last === undefined
      ? 'No new root was measured to the end.'
      : `The old root is refused ${Number(first.value).toFixed(0)} ms (${first.subject}) to ${Number(last.value).toFixed(0)} ms (${last.subject}) after the first command.`,
    ...(stays.length === 0 ? [] : [`${STAYS[0].toUpperCase()}${STAYS.slice(1)}: ${list(stays)}.`]),
    failing.length === 0
      ? 'No request failed.'
      : `Requests failed: ${failing.map(({ subject, value }) => `${subject} ${value}`).join(', ')}.`,
    ...(open.length === 0 ? [] : [`Open connections of the old root are served on by ${list(open)}.`]),
  ]
}
