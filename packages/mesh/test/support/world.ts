/** Rows of a small run, as a real one would have them: figures, answers in words, an A/A pair, the baseline, and gaps. */
import type { MeshRow } from '#mesh/rows/row.js'
import { measuredRow, suppliedRow, wordsRow } from './rows.js'

interface Figures {
  readonly p95: number
  readonly cpu: number
  readonly pss: number
  readonly rotation: number
  readonly tls: string
  readonly identity: string
  readonly failed?: number
}

const SUBJECTS: Readonly<Record<string, Figures>> = {
  envoy: { p95: 3.2, cpu: 460, pss: 82, rotation: 7, tls: '1.3', identity: 'refused: alert' },
  'envoy-istio': { p95: 3, cpu: 440, pss: 85, rotation: 14, tls: '1.2, 1.3', identity: 'let in' },
  'haproxy-2.8': { p95: 1.7, cpu: 236, pss: 25, rotation: 16, tls: '1.3', identity: 'refused: status 403' },
  'haproxy-2.6': { p95: 1.72, cpu: 240, pss: 28, rotation: 17, tls: '1.3', identity: 'refused: status 403' },
  nginx: { p95: 1.5, cpu: 174, pss: 11, rotation: 114, tls: '1.3', identity: 'refused: status 403', failed: 3 },
  traefik: { p95: 1.9, cpu: 350, pss: 119, rotation: 5, tls: '1.3', identity: 'let in' },
}

export function worldRows(): MeshRow[] {
  return [
    measuredRow('direct', 'p95', 1.4),
    ...Object.entries(SUBJECTS).flatMap(([name, { p95, cpu, pss, rotation, tls, identity, failed = 0 }]) => [
      measuredRow(name, 'p95', p95, { noise: 0.05 }),
      measuredRow(name, 'cpu-per-request', cpu),
      measuredRow(name, 'pss', pss),
      { ...measuredRow(name, 'rotation', rotation, { noise: 0.2 }), workload: 'files' },
      {
        ...measuredRow(name, 'rotation-failed', 1, { rounds: 3 }),
        value: failed,
        values: [failed, failed, failed],
        interval: { low: failed, high: failed },
      },
      wordsRow(name, 'tls-versions', tls),
      wordsRow(name, 'no-certificate', 'refused: alert'),
      wordsRow(name, 'wrong-identity', identity),
    ]),
    measuredRow('envoy-again', 'p95', 3.21, { noise: 0.05 }),
    measuredRow('consul', 'p95', 1.6, { noise: 0.05 }),
    wordsRow('consul', 'tls-versions', '1.2, 1.3'),
    // Measured without a rotation: its answer stays open.
    measuredRow('caddy', 'p95', 1.4, { noise: 0.05 }),
    measuredRow('caddy', 'pss', 64),
    wordsRow('caddy', 'tls-versions', '1.3'),
    wordsRow('caddy', 'no-certificate', 'refused: alert'),
    wordsRow('caddy', 'wrong-identity', 'refused: status 403'),
  ]
}

export const SUPPLIED: readonly MeshRow[] = [suppliedRow('envoy', 'fips', 'yes'), suppliedRow('nginx', 'fips', 'no')]
