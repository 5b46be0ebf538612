/** Until the last of several proxies refuses a revoked certificate, and what becomes of connections that its owner has open. */

import { setTimeout as delay } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import type { Table } from '@threadmap/workbench/experiment'
import { type Leaf, SERVER_NAME } from '../authority/authority.js'
import { isLetIn, probe } from '../probe/tls.js'
import { LOOPBACK } from '../processes/ports.js'
import { METRICS, type MeshRow } from '../rows/row.js'
import { Steps } from '../subjects/steps.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

/** Proxies that get the list: the one of all experiments, and these many more. */
const MORE = 3
const PATIENCE_MS = { whole: 30_000, full: 180_000 }
/** How long an open connection is watched after the last proxy refuses new ones, in s. */
const OPEN_S = { whole: 3, full: 120 }
const ASKED_EVERY_MS = 100
const SUBJECT_S = 6

export const revocation: MeshExperiment = {
  name: 'revocation',
  title: 'How long until the last proxy refuses a revoked certificate?',
  method:
    `${MORE + 1} server's sidecars of a subject get a revocation list one after another, as an operator's loop would give it; the time runs from the first command to the refusal of a new connection by each of them, whichever is last. ` +
    `The owner of the revoked certificate has a connection open to each, and asks on it every ${ASKED_EVERY_MS} ms until ${OPEN_S.whole} s (${OPEN_S.full} s with --full) after the last refusal: TLS checks a certificate once.`,
  isLong: true,
  // Not every subject reads revocation lists.
  seconds: subjects => subjects * SUBJECT_S * 0.65,
  run,
}

interface Revoked {
  readonly subject: string
  /** From the first command to the refusal by each proxy, in ms; undefined: not within our patience. */
  readonly refused: readonly (number | undefined)[]
  /** Open connections that were closed, of all. */
  readonly closed: number
  readonly open: number
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { running: all } = context.topology
  const done: Revoked[] = []
  const rows: MeshRow[] = []
  for (const [at, running] of all.entries()) {
    context.signal.throwIfAborted()
    const { subject } = running.pair
    context.progress(at / all.length, subject)
    const lack = running.adapter.lacks.revoke ?? running.adapter.lacks['own-authority']
    if (lack !== undefined) {
      context.leaveOut(subject, lack)
      continue
    }
    try {
      const revoked = await one(running, context)
      done.push(revoked)
      rows.push(...rowsOf(running, revoked, context))
    } catch (error) {
      context.signal.throwIfAborted()
      context.leaveOut(subject, `it failed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { rows, charts: [], tables: done.length === 0 ? [] : [tableOf(done)], findings: findings(done, context) }
}

async function one(running: Running, context: MeshContext): Promise<Revoked> {
  const { topology, full, signal } = context
  const { authority } = topology.identities
  const revoked = await authority.issue('client')
  const list = await authority.revocationList([revoked.serial])
  const proxies = [running]
  const connections: Standing[] = []
  try {
    for (let i = 0; i < MORE; i++) proxies.push(await topology.another(running, {}))
    for (const { pair } of proxies) connections.push(await Standing.open(pair.plan.ports.inbound, revoked))
    const began = performance.now()
    const refused = await Promise.all(
      proxies.map(async ({ pair }) => {
        await pair.revoke(list, new Steps())
        return refusal(pair.plan.ports.inbound, revoked, began, PATIENCE_MS[full ? 'full' : 'whole'], signal)
      }),
    )
    await delay(OPEN_S[full ? 'full' : 'whole'] * 1000, undefined, { signal })
    const closed = connections.filter(({ isClosed }) => isClosed).length
    return { subject: running.pair.subject, refused, closed, open: connections.length }
  } finally {
    for (const connection of connections) connection.close()
    await Promise.all(proxies.slice(1).map(({ pair }) => pair.stop()))
    await running.pair.revoke(await authority.revocationList([]), new Steps())
  }
}

/** Milliseconds from `began` until a new connection is refused. */
async function refusal(
  port: number,
  identity: Leaf,
  began: number,
  patienceMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  while (performance.now() - began < patienceMs) {
    signal.throwIfAborted()
    if (!isLetIn(await probe({ port, identity }))) return performance.now() - began
    await delay(1)
  }
  return undefined
}

/** A connection of the owner of a certificate that stays open, on which requests go on. */
class Standing {
  readonly #socket: TLSSocket
  readonly #timer: NodeJS.Timeout
  isClosed = false

  private constructor(socket: TLSSocket) {
    this.#socket = socket
    socket.on('close', () => {
      this.isClosed = true
      clearInterval(this.#timer)
    })
    socket.on('error', () => {})
    socket.resume()
    this.#timer = setInterval(() => socket.write(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`), ASKED_EVERY_MS)
  }

  /** A connection on which one request was answered: in TLS 1.3 only that shows that the client was let in. */
  static open(port: number, { certificate, key }: Leaf): Promise<Standing> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: LOOPBACK,
        port,
        servername: SERVER_NAME,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        cert: certificate,
        key,
      })
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the connection was closed before the certificate was revoked')))
      socket.once('secureConnect', () => socket.write(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`))
      socket.once('data', () => resolve(new Standing(socket)))
    })
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
  }
}

function lastOf({ refused }: Revoked): number | undefined {
  return refused.includes(undefined) ? undefined : Math.max(...(refused as readonly number[]))
}

function watchedS({ full }: MeshContext): number {
  return OPEN_S[full ? 'full' : 'whole']
}

function openText({ closed, open }: Revoked, seconds: number): string {
  return closed === 0 ? `all of ${open} served on for ${seconds} s at least` : `${closed} of ${open} closed`
}

function rowsOf(running: Running, revoked: Revoked, context: MeshContext): MeshRow[] {
  const metric = 'revocation-last'
  const workload = `${MORE + 1} proxies`
  const last = lastOf(revoked)
  return [
    last === undefined
      ? context.row(running, { metric, unit: '', value: 'no effect', workload })
      : context.row(running, { metric, unit: METRICS[metric].unit, value: last, workload }),
    context.row(running, { metric: 'revoked-connection', unit: '', value: openText(revoked, watchedS(context)) }),
  ]
}

function tableOf(done: readonly Revoked[]): Table {
  return {
    title: 'A revoked certificate at several proxies',
    columns: [
      { label: 'subject' },
      { label: 'refused by the first', unit: 'ms', digits: 0 },
      { label: 'refused by the last', unit: 'ms', digits: 0 },
      { label: 'open connections closed', digits: 0 },
      { label: 'of', digits: 0 },
    ],
    rows: done.map(revoked => {
      const known = revoked.refused.filter((ms): ms is number => ms !== undefined)
      return [
        revoked.subject,
        known.length === 0 ? null : Math.min(...known),
        lastOf(revoked) ?? null,
        revoked.closed,
        revoked.open,
      ]
    }),
  }
}

function findings(done: readonly Revoked[], context: MeshContext): string[] {
  if (done.length === 0) return ['Nothing was measured: no subject reads revocation lists.']
  const [slowest] = [...done].sort(
    (a, b) => (lastOf(b) ?? Number.POSITIVE_INFINITY) - (lastOf(a) ?? Number.POSITIVE_INFINITY),
  )
  const last = lastOf(slowest)
  const keeping = done.filter(({ closed }) => closed === 0).map(({ subject }) => subject)
  const closing = done.filter(({ closed }) => closed > 0)
  return [
    last === undefined
      ? `${slowest.subject}: not all of ${MORE + 1} proxies refused the revoked certificate in time.`
      : `The last of ${MORE + 1} proxies refuses a revoked certificate ${last.toFixed(0)} ms after the first command at most (${slowest.subject}).`,
    ...(keeping.length === 0
      ? []
      : [
          `Connections that the owner had open were served on for ${watchedS(context)} s at least, until the end of the watch: ${keeping.join(', ')}.`,
        ]),
    ...closing.map(each => `${each.subject} closed ${each.closed} of ${each.open} open connections.`),
  ]
}
