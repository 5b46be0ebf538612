/** Faults, planted one after another into each pair: what fails, and for how long. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { HeatMap, Table } from '@threadmap/workbench/experiment'
import { type Disturbance, disturbance, failureBound } from '../load/effects.js'
import { type Answer, Stream } from '../load/stream.js'
import { LOOPBACK } from '../processes/ports.js'
import { childrenOf } from '../processes/tied.js'
import type { MeshRow } from '../rows/row.js'
import { Steps } from '../subjects/steps.js'
import type { Mode } from '../topology/protocol.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

const RATE = 100
/** Milliseconds after which a supervisor, which is ours, starts a dead sidecar again. */
const SUPERVISOR_MS = 500
const STOPPED_MS = 1000
const FLOOD_CONNECTIONS = 500
const FLOOD_HEADERS = 200

interface Fault {
  readonly name: string
  readonly title: string
  /** Whether `--quick` plants it. */
  readonly inQuick?: boolean
  /** Plants it and takes it away again. Undefined: the subject has nothing to plant it into. */
  plant(running: Running, context: MeshContext): Promise<void>
  lack?(running: Running): string | undefined
}

/** The server behind the pair behaves so for `ms`. */
function misbehaving(how: Mode, ms: number): Fault['plant'] {
  return async (_, { topology }) => {
    await topology.origin.behave(how)
    await delay(ms)
    await topology.origin.behave('normal')
  }
}

const FAULTS: readonly Fault[] = [
  {
    name: 'kill-server',
    title: "SIGKILL of the server's sidecar",
    inQuick: true,
    async plant({ pair }) {
      await pair.processes.server.kill()
      await delay(SUPERVISOR_MS)
      await pair.restart('server')
    },
  },
  {
    name: 'kill-client',
    title: "SIGKILL of the client's sidecar",
    async plant({ pair }) {
      await pair.processes.client.kill()
      await delay(SUPERVISOR_MS)
      await pair.restart('client')
    },
  },
  {
    name: 'kill-worker',
    title: 'SIGKILL of a worker',
    lack: ({ pair }) =>
      childrenOf(pair.processes.server.pid).length === 0 ? 'it has one process, no worker' : undefined,
    async plant({ pair }) {
      const { server } = pair.processes
      const [worker] = childrenOf(server.pid)
      process.kill(worker, 'SIGKILL')
      await delay(SUPERVISOR_MS)
      if (!server.isRunning) await pair.restart('server')
    },
  },
  {
    name: 'stop',
    title: `SIGSTOP of the server's sidecar for ${STOPPED_MS / 1000} s`,
    inQuick: true,
    async plant({ pair }) {
      const { server } = pair.processes
      const all = [server.pid, ...childrenOf(server.pid)]
      for (const pid of all) process.kill(pid, 'SIGSTOP')
      await delay(STOPPED_MS)
      for (const pid of all) process.kill(pid, 'SIGCONT')
    },
  },
  {
    name: 'kill-control',
    title: 'SIGKILL of the control plane',
    lack: ({ pair }) =>
      pair.restartControl !== undefined ? undefined : 'it is controlled by files and commands, no process',
    async plant({ pair }) {
      await Promise.all(pair.others.map(other => other.kill()))
      await delay(2 * SUPERVISOR_MS)
      await pair.restartControl?.()
    },
  },
  {
    name: 'reload',
    title: 'three reloads or hot restarts, one a second',
    lack: ({ adapter }) => adapter.lacks.reload,
    async plant({ pair }) {
      for (let i = 0; i < 3; i++) {
        await pair.reload(new Steps())
        await delay(1000)
      }
    },
  },
  {
    name: 'slow',
    title: 'the server answers 500 ms late for 1 s',
    plant: misbehaving('slow', 1000),
  },
  {
    name: 'half-closed',
    title: 'the server closes in the middle of its answers for 0.5 s',
    plant: misbehaving('half-closed', 500),
  },
  {
    name: 'connections',
    title: `${FLOOD_CONNECTIONS} idle connections to the server's sidecar for 1 s`,
    async plant({ pair }) {
      const sockets: Socket[] = []
      for (let i = 0; i < FLOOD_CONNECTIONS; i++) {
        const socket = connect({ host: LOOPBACK, port: pair.plan.ports.inbound })
        socket.on('error', () => {})
        sockets.push(socket)
        if (i % 50 === 49) await delay(10)
      }
      await delay(1000)
      for (const socket of sockets) socket.destroy()
    },
  },
  {
    name: 'headers',
    title: `${FLOOD_HEADERS} requests with 60 KB of headers`,
    async plant({ pair }) {
      const head = Array.from({ length: 60 }, (_, i) => `x-flood-${i}: ${'x'.repeat(1000)}`).join('\r\n')
      const request = `GET / HTTP/1.1\r\nHost: server.mesh\r\nConnection: close\r\n${head}\r\n\r\n`
      for (let i = 0; i < FLOOD_HEADERS; i++) {
        const socket = connect({ host: LOOPBACK, port: pair.plan.ports.outbound }, () => socket.end(request))
        socket
          .on('error', () => {})
          .on('close', () => {})
          .resume()
        socket.setTimeout(2000, () => socket.destroy())
        await delay(5)
      }
    },
  },
]

export const faults: MeshExperiment = {
  name: 'faults',
  title: 'What breaks, and for how long?',
  method:
    `${RATE} requests per second flow through a pair over open connections while a fault is planted. A supervisor of ours starts a dead sidecar ${SUPERVISOR_MS} ms later; no request is sent again by the client. ` +
    'Recovery is the time from the fault to the first request after the last failed one. Where nothing failed, the bound says which share of failures this many requests cannot exclude (95%).',
  seconds: (subjects, quick) => subjects * (quick ? 7 : 45),
  run,
}

interface Cell {
  readonly subject: string
  readonly fault: Fault
  readonly found: Disturbance
}

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick } = context
  const chosen = FAULTS.filter(({ inQuick }) => !quick || inQuick === true)
  const cells: Cell[] = []
  const total = chosen.length * topology.running.length
  let done = 0
  for (const running of topology.running) {
    for (const fault of chosen) {
      context.signal.throwIfAborted()
      context.progress(done++ / total, `${running.pair.subject}, ${fault.title}`)
      const lack = fault.lack?.(running)
      if (lack !== undefined) context.leaveOut(`${running.pair.subject}, ${fault.title}`, lack)
      else {
        try {
          cells.push({ subject: running.pair.subject, fault, found: await one(running, fault, context) })
        } catch (error) {
          context.signal.throwIfAborted()
          context.leaveOut(
            `${running.pair.subject}, ${fault.title}`,
            `it failed: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
    }
  }
  return outcomeOf(cells, chosen, context)
}

async function one(running: Running, fault: Fault, context: MeshContext): Promise<Disturbance> {
  const stream = new Stream({
    port: running.pair.plan.ports.outbound,
    rate: RATE,
    connections: 'open',
    signal: context.signal,
  })
  let answers: readonly Answer[] = []
  let at = 0
  try {
    await stream.flow(300)
    at = performance.now()
    await fault.plant(running, context)
    const isBack = (all: readonly Answer[]) =>
      all.length >= RATE / 2 && all.slice(-RATE / 2).every(({ isGood }) => isGood)
    await stream.flow(500)
    await stream.until(isBack, context.quick ? 5000 : 15_000)
  } finally {
    answers = await stream.stop()
  }
  return disturbance(answers, at)
}

function outcomeOf(cells: readonly Cell[], chosen: readonly Fault[], context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = cells.flatMap(({ subject, fault, found }) => {
    const running = context.topology.running.find(({ pair }) => pair.subject === subject) ?? subject
    const workload = `${fault.title}; of ${found.requests} requests`
    const failed = context.row(running, {
      metric: `fault-${fault.name}-failed`,
      unit: 'requests',
      value: found.failed,
      workload,
    })
    const metric = `fault-${fault.name}-recovery`
    const recovery =
      found.recovery === undefined
        ? context.row(running, { metric, unit: '', value: 'none', workload })
        : context.row(running, { metric, unit: 'ms', value: found.recovery, workload })
    return [
      failed,
      recovery,
      context.row(running, { metric: `fault-${fault.name}-p99`, unit: 'ms', value: found.p99, workload }),
    ]
  })
  const subjects = [...new Set(cells.map(({ subject }) => subject))]
  const cellOf = (subject: string, fault: Fault) =>
    cells.find(cell => cell.subject === subject && cell.fault === fault)?.found
  const matrix: Table = {
    title: 'Subject x fault: failed requests, how, recovery, P99',
    columns: [{ label: 'fault' }, ...subjects.map(label => ({ label }))],
    rows: chosen.map(fault => [fault.title, ...subjects.map(subject => textOf(cellOf(subject, fault)))]),
  }
  const heat: HeatMap = {
    kind: 'heat',
    id: 'faults',
    title: 'Requests that failed, by subject and fault',
    alternative: cells.map(({ subject, fault, found }) => `${subject}, ${fault.title}: ${found.failed}`).join('; '),
    columns: subjects,
    rows: chosen.map(({ title }) => title),
    value: { label: 'failed', unit: 'requests' },
    cells: chosen.map(fault => subjects.map(subject => cellOf(subject, fault)?.failed ?? null)),
  }
  return { rows, charts: cells.length === 0 ? [] : [heat], tables: [matrix], findings: findings(cells) }
}

function textOf(found: Disturbance | undefined): string {
  if (found === undefined) return 'not applicable'
  const { failed, requests, failures, recovery, p99 } = found
  if (failed === 0)
    return `0 of ${requests} (< ${(100 * failureBound(requests)).toFixed(1)}%), P99 ${p99.toFixed(0)} ms`
  const how = failures.map(([outcome, count]) => `${count} x ${outcome}`).join(', ')
  return `${failed} of ${requests} (${how}), ${recovery === undefined ? 'no recovery' : `back after ${recovery.toFixed(0)} ms`}, P99 ${p99.toFixed(0)} ms`
}

function findings(cells: readonly Cell[]): string[] {
  const byFault = [...new Set(cells.map(({ fault }) => fault))]
  return byFault.map(fault => {
    const own = cells.filter(cell => cell.fault === fault)
    const without = own.filter(({ found }) => found.failed === 0).map(({ subject }) => subject)
    const worst = own.filter(({ found }) => found.failed > 0).sort((a, b) => b.found.failed - a.found.failed)
    const said = worst.map(
      ({ subject, found }) =>
        `${subject} ${found.failed}${found.recovery === undefined ? ' (no recovery)' : ` (${found.recovery.toFixed(0)} ms)`}`,
    )
    return `${fault.title}: ${without.length === 0 ? 'no subject is without a failed request' : `no failed request with ${without.join(', ')}`}${said.length === 0 ? '' : `; failed: ${said.join(', ')}`}.`
  })
}
