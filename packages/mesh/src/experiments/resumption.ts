/** New and resumed sessions to the first byte of the answer: the second part of the experiment `handshake`. */
import type { Table } from '@threadmap/workbench/experiment'
import { quantile, spread } from '@threadmap/workbench/statistics'
import { Team } from '@threadmap/workbench/threads/team'
import type { Leaf } from '../authority/authority.js'
import type { SessionsCommand, SessionsReply } from '../probe/sessions.js'
import { processorMs } from '../processes/cost.js'
import type { MeshRow } from '../rows/row.js'
import type { Running } from '../topology/topology.js'
import type { MeshContext, MeshOutcome } from './experiment.js'

const ROUNDS = { quick: 2, full: 5 }
const CONNECTIONS = { quick: 40, full: 100 }
const WARM_UP = 20

export const RESUMPTION_METHOD =
  "A thread of ours then makes connections one after another, with one request each, and times them until the first byte of the answer: new ones, and ones that offer the session of the connection before. Whether a session was resumed is what TLS says of each connection; connections that were not do not count as resumed. The client's own processor time for each connection is measured, too: it is the floor under all times to the first byte. The processor time of the server's sidecar for each connection is the proxy's own."

/** Seconds for a number of subjects, roughly. */
export function resumptionSeconds(subjects: number, quick: boolean): number {
  const length = quick ? 'quick' : 'full'
  return subjects * ROUNDS[length] * CONNECTIONS[length] * 0.007
}

/** One side of a target's rounds: milliseconds to the first byte (medians of rounds), and processor time for a connection. */
interface Sessions {
  readonly ms: number[]
  readonly processor: number[]
  /** Processor time of the client for a connection. */
  readonly client: number[]
}

interface Target {
  readonly running: Running
  readonly identity: Pick<Leaf, 'certificate' | 'key'>
  readonly fresh: Sessions
  readonly resumed: Sessions
  /** Connections that offered a session, and those of them that were resumed. */
  offered: number
  accepted: number
  failure: string | undefined
}

/** Measures all subjects in turns. */
export async function resumption(context: MeshContext): Promise<MeshOutcome> {
  const { topology, quick, signal } = context
  const length = quick ? 'quick' : 'full'
  const client = await Team.start<undefined, SessionsCommand, SessionsReply>({
    name: 'the client of handshakes',
    program: new URL('../probe/sessions-worker.js', import.meta.url),
    members: 1,
    setup: () => undefined,
    signal,
  })
  try {
    const targets: Target[] = []
    for (const running of topology.running) {
      const { pair } = running
      const identity = (await pair.ownIdentities?.())?.client ?? topology.identities.client
      targets.push(targetOf(running, identity))
    }
    // The first connections of a thread compile its code, so they count nowhere.
    if (targets[0] !== undefined) await one(client, targetOf(targets[0].running, targets[0].identity), WARM_UP)
    for (let round = 0; round < ROUNDS[length]; round++) {
      for (let turn = 0; turn < targets.length; turn++) {
        signal.throwIfAborted()
        const target = targets[(turn + round) % targets.length]
        context.progress(
          (round * targets.length + turn) / (ROUNDS[length] * targets.length),
          `${target.running.pair.subject}, sessions, round ${round + 1} of ${ROUNDS[length]}`,
        )
        await one(client, target, CONNECTIONS[length])
      }
    }
    return outcomeOf(targets, context)
  } finally {
    await client.stop()
  }
}

function targetOf(running: Running, identity: Target['identity']): Target {
  const none = () => ({ ms: [], processor: [], client: [] })
  return { running, identity, fresh: none(), resumed: none(), offered: 0, accepted: 0, failure: undefined }
}

async function one(client: Team<SessionsCommand, SessionsReply>, target: Target, count: number): Promise<void> {
  const { identity, running } = target
  const { plan, processes } = running.pair
  const { pid } = processes.server
  for (const resume of [false, true]) {
    const before = processorMs(pid)
    const [reply] = await client.ask({ port: plan.ports.inbound, identity, count, resume })
    const used = processorMs(pid) - before
    target.failure ??= reply.failure
    if (resume) {
      target.offered += reply.made
      target.accepted += reply.resumed
    }
    // A round in which some sessions were resumed and some not tells the processor time of neither.
    if (reply.ms.length < count) continue
    const sessions = resume ? target.resumed : target.fresh
    sessions.ms.push(quantile(reply.ms, 0.5))
    // The connection that got the first session of a resumed round was a new one, and is one too many: 1% of them.
    sessions.processor.push(used / (resume ? count + 1 : count))
    sessions.client.push(reply.clientMs)
  }
}

/** What a subject says to sessions that are offered. */
export function resumptionVerdict(offered: number, accepted: number): string {
  if (offered === 0) return 'refused: it gives no session'
  if (accepted === 0) return 'refused: every session was new'
  return accepted === offered ? 'resumed' : `resumed ${accepted} of ${offered}`
}

function outcomeOf(targets: readonly Target[], context: MeshContext): MeshOutcome {
  const rows: MeshRow[] = []
  const lines: (string | number | null)[][] = []
  const middle = (values: readonly number[]) => (values.length === 0 ? null : spread(values).median)
  for (const { running, fresh, resumed, offered, accepted, failure } of targets) {
    const { subject } = running.pair
    const verdict = resumptionVerdict(offered, accepted)
    const figures = [fresh.ms, resumed.ms, fresh.processor, resumed.processor, fresh.client, resumed.client]
    lines.push([subject, ...figures.map(middle), verdict])
    if (failure !== undefined) context.leaveOut(`${subject}, a part of its sessions`, `a connection failed: ${failure}`)
    const row = (metric: string, value: readonly number[]) => {
      if (value.length > 0) rows.push(context.row(running, { metric, unit: 'ms', value }))
    }
    row('handshake-first-byte', fresh.ms)
    row('handshake-first-byte-cpu', fresh.processor)
    row('handshake-resumed', resumed.ms)
    row('handshake-resumed-cpu', resumed.processor)
    rows.push(context.row(running, { metric: 'resumption', unit: '', value: verdict }))
  }
  const table: Table = {
    title: 'A connection with one request, to the first byte of the answer',
    columns: [
      { label: 'subject' },
      { label: 'new session', unit: 'ms', digits: 2 },
      { label: 'resumed', unit: 'ms', digits: 2 },
      { label: "new, server's processor time", unit: 'ms', digits: 2 },
      { label: "resumed, server's processor time", unit: 'ms', digits: 2 },
      { label: "new, client's", unit: 'ms', digits: 2 },
      { label: "resumed, client's", unit: 'ms', digits: 2 },
      { label: 'sessions' },
    ],
    rows: lines,
  }
  return { rows, charts: [], tables: [table], findings: findings(targets) }
}

function findings(targets: readonly Target[]): string[] {
  const refusing = targets.filter(({ accepted }) => accepted === 0).map(({ running }) => running.pair.subject)
  const saved = targets
    .filter(({ resumed }) => resumed.processor.length > 0)
    .map(({ running, fresh, resumed }) => {
      const [whole, rest] = [fresh, resumed].map(({ processor }) => spread(processor).median)
      return { name: running.pair.subject, share: 1 - rest / whole }
    })
    .sort((a, b) => b.share - a.share)
  const [most, least] = [saved[0], saved.at(-1)]
  const percent = (share: number) => `${(100 * share).toFixed(0)}%`
  const client = (side: 'fresh' | 'resumed') => spread(targets.flatMap(target => target[side].client)).median.toFixed(2)
  return [
    ...(most === undefined || least === undefined
      ? []
      : [
          `A resumed session takes the server's sidecar ${percent(most.share)} (${most.name}) to ${percent(least.share)} (${least.name}) less processor time than a new one, its request included.`,
          `Of the times to the first byte, ${client('fresh')} ms (new) and ${client('resumed')} ms (resumed) are processor time of the client alone, the floor under all subjects.`,
        ]),
    ...(refusing.length === 0 ? [] : [`Sessions are not resumed by ${refusing.join(', ')}.`]),
  ]
}
