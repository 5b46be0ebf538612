/** What a full handshake takes, from a client that is not the bottleneck: OpenSSL's own. */
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Table } from '@threadmap/workbench/experiment'
import { spread } from '@threadmap/workbench/statistics'
import { onPath } from '../install/installed.js'
import { processorMs } from '../processes/cost.js'
import { LOOPBACK } from '../processes/ports.js'
import type { MeshRow } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'
import { RESUMPTION_METHOD, resumption, resumptionSeconds } from './resumption.js'

const ROUNDS = { quick: 2, full: 7 }
const SECONDS = 1

export const handshake: MeshExperiment = {
  name: 'handshake',
  title: 'What do handshakes take, new and resumed?',
  method:
    `"openssl s_time" connects again and again for one to two seconds, one connection after another, by TLS 1.3 with a client certificate and no session. Its mean time of a connection is that of client and server together; ` +
    `the processor time of the server's sidecar for each handshake is the proxy's own, and does not depend on the client. Subjects take turns. ${RESUMPTION_METHOD}`,
  seconds: (subjects, quick) =>
    subjects * ROUNDS[quick ? 'quick' : 'full'] * (SECONDS + 0.7) + resumptionSeconds(subjects, quick),
  run,
}

interface Round {
  readonly ms: number
  readonly processor: number
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick, signal } = context
  const openssl = onPath('openssl')
  if (openssl === undefined) {
    context.leaveOut('handshakes', 'openssl is not on PATH')
    return { rows: [], charts: [], tables: [], findings: ['Nothing was measured: openssl is not on PATH.'] }
  }
  const rounds = ROUNDS[quick ? 'quick' : 'full']
  const { running: all } = topology
  const found = new Map<Running, Round[]>(all.map(running => [running, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      signal.throwIfAborted()
      const running = all[(turn + round) % all.length]
      if (running.adapter.lacks.handshake !== undefined) continue
      context.progress(
        (0.8 * (round * all.length + turn)) / (rounds * all.length),
        `${running.pair.subject}, round ${round + 1} of ${rounds}`,
      )
      const measured = await one(openssl, running, context)
      if (measured !== undefined) found.get(running)?.push(measured)
    }
  }
  const whole = outcomeOf(found, context)
  const sessions = await resumption({
    ...context,
    progress: (share, doing) => context.progress(0.8 + 0.2 * share, doing),
  })
  return {
    rows: [...whole.rows, ...sessions.rows],
    charts: [],
    tables: [...whole.tables, ...sessions.tables],
    findings: [...whole.findings, ...sessions.findings],
  }
}

async function one(openssl: string, running: Running, { topology, signal }: MeshContext): Promise<Round | undefined> {
  const { pair } = running
  const identity = (await pair.ownIdentities?.())?.client ?? topology.identities.client
  const [certificate, key] = ['probe.crt', 'probe.key'].map(name => join(pair.plan.folder, name))
  writeFileSync(certificate, identity.certificate)
  writeFileSync(key, identity.key, { mode: 0o600 })
  const { server } = pair.processes
  const before = processorMs(server.pid)
  const connection = ['-connect', `${LOOPBACK}:${pair.plan.ports.inbound}`, '-cert', certificate, '-key', key]
  try {
    const began = performance.now()
    const { stdout } = await promisify(execFile)(openssl, ['s_time', ...connection, '-new', '-time', String(SECONDS)], {
      signal,
      timeout: 20_000,
    })
    // openssl counts whole seconds of the clock, so the time is ours.
    const ms = performance.now() - began
    const used = processorMs(server.pid) - before
    const count = Number(/^(\d+) connections in \d+ real seconds/m.exec(stdout)?.[1] ?? 0)
    return count === 0 ? undefined : { ms: ms / count, processor: used / count }
  } catch {
    // A proxy that ends connections in a handshake is a result of this subject, and no end of the run.
    signal.throwIfAborted()
    return undefined
  } finally {
    for (const file of [certificate, key]) rmSync(file, { force: true })
  }
}

function outcomeOf(found: ReadonlyMap<Running, readonly Round[]>, context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const lines: (string | number | null)[][] = []
  for (const [running, rounds] of found) {
    if (rounds.length === 0) {
      const why = running.adapter.lacks.handshake ?? 'openssl made no connection'
      context.leaveOut(`${running.pair.subject}, handshakes by openssl s_time`, why)
      continue
    }
    const times = rounds.map(({ ms }) => ms)
    const processor = rounds.map(round => round.processor)
    rows.push(
      context.row(running, { metric: 'handshake', unit: 'ms', value: times }),
      context.row(running, { metric: 'handshake-cpu', unit: 'ms', value: processor }),
    )
    const { median, low, high } = spread(times)
    lines.push([running.pair.subject, median, low, high, spread(processor).median])
  }
  const sorted = [...lines].sort((a, b) => Number(a[4]) - Number(b[4]))
  const [first, last] = [sorted[0], sorted.at(-1)]
  const table: Table = {
    title: 'A full handshake with a client certificate, TLS 1.3',
    columns: [
      { label: 'subject' },
      { label: 'client and server', unit: 'ms', digits: 2 },
      { label: 'lower quartile', unit: 'ms', digits: 2 },
      { label: 'upper quartile', unit: 'ms', digits: 2 },
      { label: "server's processor time", unit: 'ms', digits: 2 },
    ],
    rows: lines,
  }
  const findings =
    first === undefined || last === undefined
      ? ['No handshake was measured.']
      : [
          `A handshake costs the server's sidecar from ${Number(first[4]).toFixed(2)} ms of processor time (${first[0]}) to ${Number(last[4]).toFixed(2)} ms (${last[0]}).`,
        ]
  return { rows, charts: [], tables: [table], findings }
}
