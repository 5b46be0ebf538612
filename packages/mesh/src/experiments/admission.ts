/** Who is let in, by which version of TLS. */
import type { SecureVersion } from 'node:tls'
import type { Table } from '@threadmap/workbench/experiment'
import type { Leaf } from '../authority/authority.js'
import { probe, verdictOf } from '../probe/tls.js'
import type { MeshRow, MetricId } from '../rows/row.js'
import type { Identities, Running } from '../topology/topology.js'
import type { MeshContext, MeshExperiment, MeshOutcome } from './experiment.js'

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

export const admission: MeshExperiment = {
  name: 'admission',
  title: 'Who is let in?',
  method:
    "A client without a sidecar connects to the server's sidecar, by each version of TLS with a valid certificate, and by the best one with certificates that must be refused, and asks for a page. " +
    '"Refused" names the alert; "answered" means that the handshake went through and the proxy answered for itself; "let in" means that the request reached the server.',
  seconds: subjects => 1 + subjects * 0.3,
  run,
}

type Certificate = Pick<Leaf, 'certificate' | 'key'>

interface Case {
  readonly metric: MetricId
  readonly label: string
  readonly identity: (identities: Identities) => Certificate | undefined
}

/** Certificates that a mesh should refuse. */
const CASES: readonly Case[] = [
  { metric: 'no-certificate', label: 'no certificate', identity: () => undefined },
  { metric: 'wrong-identity', label: 'another identity', identity: ({ other }) => other },
  { metric: 'expired-certificate', label: 'expired', identity: ({ expired }) => expired },
  { metric: 'foreign-authority', label: 'foreign authority', identity: ({ foreign }) => foreign },
  { metric: 'sha1-certificate', label: 'signed with SHA-1', identity: ({ sha1 }) => sha1 },
]

async function run(context: MeshContext): Promise<MeshOutcome> {
  const { topology } = context
  const rows: MeshRow[] = []
  const cells: string[][] = []
  for (const [at, running] of topology.running.entries()) {
    context.signal.throwIfAborted()
    context.progress(at / topology.running.length, running.pair.subject)
    cells.push(await one(running, context, rows))
  }
  const table: Table = {
    title: 'Who is let in',
    columns: [{ label: 'subject' }, { label: 'TLS versions' }, ...CASES.map(({ label }) => ({ label }))],
    rows: cells,
  }
  return { rows, charts: [], tables: [table], findings: findings(rows) }
}

async function one(running: Running, context: MeshContext, rows: MeshRow[]): Promise<string[]> {
  const { pair, adapter } = running
  const port = pair.plan.ports.inbound
  const own = await pair.ownIdentities?.()
  const client: Certificate = own?.client ?? context.topology.identities.client
  const accepted: string[] = []
  for (const version of VERSIONS) {
    const probed = await probe({ port, identity: client, version })
    // Whether the version is accepted, not whether the request succeeds: a TCP proxy passes it on.
    if (probed.handshake && probed.kind === 'answered')
      accepted.push(version.replace(/^TLSv1$/, 'TLSv1.0').replace('TLSv', ''))
  }
  const versions = accepted.join(', ') || 'none'
  rows.push(context.row(running, { metric: 'tls-versions', unit: '', value: versions }))
  const cells = [pair.subject, versions]
  for (const { metric, identity } of CASES) {
    const certificate =
      own === undefined
        ? identity(context.topology.identities)
        : metric === 'wrong-identity'
          ? own.other
          : identity(context.topology.identities)
    const cannot = own !== undefined && (metric === 'expired-certificate' || metric === 'sha1-certificate')
    // Of an authority of its own, such a certificate cannot be had; one of ours would be refused as foreign.
    const verdict = cannot ? undefined : verdictOf(await probe({ port, identity: certificate }))
    if (verdict === undefined)
      context.leaveOut(`${pair.subject}, ${metric}`, adapter.lacks['own-authority'] ?? 'it has an authority of its own')
    else rows.push(context.row(running, { metric, unit: '', value: verdict }))
    cells.push(verdict ?? 'not to be had')
  }
  return cells
}

function findings(rows: readonly MeshRow[]): string[] {
  const letIn = (metric: string) =>
    rows.filter(row => row.metric === metric && row.value === 'let in').map(({ subject }) => subject)
  const said = CASES.map(({ metric, label }) => ({ label, names: letIn(metric) })).filter(
    ({ names }) => names.length > 0,
  )
  const old = rows.filter(({ metric, value }) => metric === 'tls-versions' && value !== '1.3')
  const answered = rows.filter(
    ({ metric, value }) => metric === 'no-certificate' && String(value).startsWith('answered'),
  )
  return [
    said.length === 0
      ? 'Nobody is let in who should not be.'
      : `Let in although they should not be: ${said.map(({ label, names }) => `${label} by ${names.join(', ')}`).join('; ')}.`,
    ...(old.length === 0
      ? []
      : [
          `Other versions than TLS 1.3 are accepted by ${old.map(({ subject, value }) => `${subject} (${value})`).join(', ')}.`,
        ]),
    ...answered.map(
      ({ subject, value }) => `${subject} finishes the handshake without a client certificate and then says: ${value}.`,
    ),
  ]
}
