/** Sayings about meshes, each beside what this machine measured. Times of other machines are not compared, only orders and ratios. */
import type { Verdict } from '@threadmap/workbench/experiment'
import { figure } from '@threadmap/workbench/report/figures'
import type { RowTable } from '../select/table.js'
import type { MeshRow } from './row.js'

export interface ClaimFinding {
  readonly verdict: Verdict
  /** What was measured here, in one sentence. */
  readonly measured: string
}

export interface Claim {
  readonly id: number
  readonly title: string
  readonly stated: string
  /** Who says so. */
  readonly by: string
  /** What is known to be wrong with it, whatever a machine measures. */
  readonly error?: string
  /** The finding of the rows; undefined if none of them is about it. */
  judge(table: RowTable): ClaimFinding | undefined
}

const unheard = () => undefined

/** Processor time of a pair at the guide's rate needs a machine of its own: the load generator and the server need theirs, too. */
const GUIDE_RATE = 8000
/** A figure of another machine is of the same order if it is within this factor. */
const ORDER = 3

export const CLAIMS: readonly Claim[] = [
  {
    id: 1,
    title: 'Revocation takes two minutes to reach the last proxy',
    stated: 'two minutes until the last proxy refuses a revoked certificate',
    by: 'the guide',
    judge(table) {
      const last = rowsOf(table, 'revocation-last')
      const rows = last.length > 0 ? last : rowsOf(table, 'revocation')
      if (rows.length === 0) return undefined
      const slow = rows.filter(row => numberOf(row) >= 120_000 / ORDER)
      return {
        verdict: slow.length === 0 ? 'does not hold' : 'cannot tell',
        measured: `the subjects took ${ranged(rows, value => `${figure(value / 1000)} s`)}`,
      }
    },
  },
  {
    id: 2,
    title: 'Hot restarts at random intervals fail 0.0012% of the requests',
    stated: '0.0012% of the requests fail over hot restarts at Poisson intervals',
    by: 'the guide',
    judge(table) {
      // A reload of Envoy is a hot restart.
      const row = ['fault-poisson-failed', 'fault-reload-failed']
        .map(id => table.decision('envoy', id).row)
        .find(each => each !== undefined)
      const asked = row === undefined ? undefined : requestsOf(row)
      if (row === undefined || asked === undefined) return undefined
      return hotRestarts(numberOf(row), asked)
    },
  },
  {
    id: 3,
    title: 'Discovery gets 47 s old while the link of two datacentres is cut',
    stated: "Consul's discovery across a cut link is 47 s old at most",
    by: 'the guide',
    judge(table) {
      const row = table.decision('consul', 'discovery-age').row
      if (row === undefined || row.tag !== 'measured') return undefined
      const isNear = numberOf(row) < 47 * ORDER && numberOf(row) > 47 / ORDER
      return {
        verdict: isNear ? 'holds' : 'does not hold',
        measured: `it got ${figure(numberOf(row))} s old; the age depends on how long the link is cut`,
      }
    },
  },
  {
    id: 4,
    title: 'Meshes compared at 8,000 requests/s',
    stated: 'the latencies of its table are at 8,000 requests/s',
    by: 'the guide',
    error:
      'The row stays published here: 8,000 requests/s need 3.7 cores for Envoy’s pair alone, besides those of the load generator and the server.',
    judge(table) {
      const row = table.decision('envoy', 'cpu-per-request').row
      if (row === undefined || row.tag !== 'measured') return undefined
      const cores = (GUIDE_RATE * numberOf(row)) / 1e6
      const capacity = table.decision('envoy', 'capacity').row
      const most =
        capacity?.tag === 'measured'
          ? `; the most that it carried here were ${figure(numberOf(capacity))} requests/s`
          : ''
      return {
        verdict: 'cannot tell',
        measured: `by ${figure(numberOf(row))} ${row.unit} Envoy’s pair would take ${figure(cores)} cores at that rate${most}`,
      }
    },
  },
  {
    id: 5,
    title: 'Istio 1.21 ships Envoy 1.26',
    stated: 'the guide’s Istio 1.21 runs Envoy 1.26',
    by: 'the guide',
    error:
      'A known error: Istio 1.21 does not ship Envoy 1.26, so the versions of the guide’s rows are not those of one installation.',
    judge: unheard,
  },
  {
    id: 6,
    title: 'OSM 1.3 was measured',
    stated: 'a row of Open Service Mesh 1.3',
    by: 'the guide',
    error:
      'A known error: an OSM 1.3 never existed. The project was archived in 2023; here “OSM-like” is a profile of Envoy.',
    judge: unheard,
  },
  {
    id: 7,
    title: 'PeerAuthentication sets the TLS version',
    stated: 'mTLS 1.3 is enforced by a PeerAuthentication',
    by: 'the guide',
    error: 'A known error: PeerAuthentication sets no TLS version, only whether mTLS is required.',
    judge(table) {
      const rows = rowsOf(table, 'tls-versions').filter(({ subject }) => /istio/.test(subject))
      if (rows.length === 0) return undefined
      const old = rows.filter(({ value }) => /1\.[0-2]/.test(String(value)))
      return {
        verdict: old.length > 0 ? 'does not hold' : 'cannot tell',
        measured: rows.map(({ subject, value }) => `${subject} accepted TLS ${value}`).join('; '),
      }
    },
  },
  {
    id: 8,
    title: 'Pauses of Envoy’s garbage collector',
    stated: 'the guide lays latency to Envoy’s garbage collection',
    by: 'the guide',
    error: 'A known error: Envoy is written in C++ and has no garbage collector.',
    judge: unheard,
  },
  {
    id: 9,
    title: 'Linkerd’s proxy takes a sixth of the memory of Istio’s',
    stated: '26 MB against 156 MB at 2,000 requests/s (ratio 1:6)',
    by: 'Linkerd, 2021-11',
    judge: table => ratioFinding(table, 'pss', 'memory of the pair', 156 / 26),
  },
  {
    id: 10,
    title: 'Linkerd adds a third of the latency of Istio',
    stated: 'the median grows by 6 ms against 17 ms at 2,000 requests/s (ratio 1:2.8)',
    by: 'Linkerd, 2021-11',
    judge: table => ratioFinding(table, 'p50-added', 'median latency that the pair adds', 17 / 6),
  },
  {
    id: 11,
    title: 'Istio’s sidecar takes 0.2 vCPU at 1,000 requests/s',
    stated: '0.20 vCPU for one sidecar at 1,000 requests/s of 1 KB, which is 0.2 ms a request',
    by: 'Istio 1.24',
    judge(table) {
      const row = istioOf(table, 'cpu-per-request')
      if (row === undefined) return undefined
      const one = numberOf(row) / 2
      const isNear = one < 200 * ORDER && one > 200 / ORDER
      return {
        verdict: isNear ? 'holds' : 'does not hold',
        measured: `one sidecar of ${row.subject} took ${figure(one / 1000)} ms a request; only the order is compared`,
      }
    },
  },
  {
    id: 12,
    title: 'mTLS through Istio costs more latency than through Linkerd',
    stated: 'latency with mTLS: Istio +166%, Cilium +99%, Linkerd +33%, ambient +8%',
    by: 'arXiv 2411.02267',
    judge: table => orderFinding(table, 'p50-added', 'the median'),
  },
  {
    id: 13,
    title: 'Linkerd’s P99 lies below that of Istio’s sidecar',
    stated: 'P99 is 163 ms below Istio’s sidecar and 11 ms below ambient',
    by: 'Linkerd, 2025-04',
    judge: table => orderFinding(table, 'p99-added', 'P99'),
  },
]

/** What a run of hot restarts can say about 0.0012%: without a failure, 3 divided by the requests bounds the share (95%). */
export function hotRestarts(failed: number, requests: number): ClaimFinding {
  const claimed = 0.000012
  const bound = `of ${requests.toLocaleString('en-US')} requests ${failed} failed; this run can tell shares from ${figure((3 / requests) * 100)}% on`
  if (failed === 0) {
    return { verdict: 3 / requests < claimed ? 'does not hold' : 'cannot tell', measured: bound }
  }
  // Poisson: the square root of the count is its standard deviation, and three of them are beyond doubt.
  const [low, high] = [-3, 3].map(times => Math.max(0, failed + times * Math.sqrt(failed)) / requests)
  const verdict = low > claimed || high < claimed ? 'does not hold' : failed < 10 ? 'cannot tell' : 'holds'
  return { verdict, measured: bound }
}

/** The number of requests that a row of failures counts, if its workload says it: `250,000 requests`. */
function requestsOf({ workload }: MeshRow): number | undefined {
  const found = /([\d,]+) requests(?!\/)/.exec(workload ?? '')?.[1]
  return found === undefined ? undefined : Number(found.replaceAll(',', ''))
}

function rowsOf(table: RowTable, metric: string): MeshRow[] {
  return table.candidates.flatMap(({ subject }) => {
    const { row } = table.decision(subject, metric)
    return row?.tag === 'measured' ? [row] : []
  })
}

function numberOf({ value }: MeshRow): number {
  return Number(value)
}

/** What Istio's control plane configures, before a configuration that is like it. */
function istioOf(table: RowTable, metric: string): MeshRow | undefined {
  const rows = rowsOf(table, metric)
  return rows.find(({ subject }) => subject === 'istiod') ?? rows.find(({ subject }) => /istio/.test(subject))
}

function linkerdOf(table: RowTable, metric: string): MeshRow | undefined {
  return rowsOf(table, metric).find(({ subject }) => /linkerd/.test(subject))
}

function ratioFinding(table: RowTable, metric: string, what: string, stated: number): ClaimFinding | undefined {
  const [istio, linkerd] = [istioOf(table, metric), linkerdOf(table, metric)]
  if (istio === undefined || linkerd === undefined) return undefined
  if (!(numberOf(linkerd) > 0 && numberOf(istio) > 0)) {
    return { verdict: 'cannot tell', measured: `the ${what} of one of them lies inside the noise` }
  }
  const ratio = numberOf(istio) / numberOf(linkerd)
  const isNear = ratio > stated / 2 && ratio < stated * 2
  return {
    verdict: isNear ? 'holds' : 'does not hold',
    measured: `${what}: ${linkerd.subject} ${figure(numberOf(linkerd))} ${linkerd.unit}, ${istio.subject} ${figure(numberOf(istio))} ${istio.unit} (ratio 1:${figure(ratio)})`,
  }
}

/** Whether Linkerd lies below Istio: intervals that overlap cannot tell. */
function orderFinding(table: RowTable, metric: string, what: string): ClaimFinding | undefined {
  const [istio, linkerd] = [istioOf(table, metric), linkerdOf(table, metric)]
  if (istio === undefined || linkerd === undefined) return undefined
  const measured = `${what} grew by ${figure(numberOf(linkerd))} ms through ${linkerd.subject} and by ${figure(numberOf(istio))} ms through ${istio.subject}`
  const high = (row: MeshRow) => row.interval?.high ?? numberOf(row)
  const low = (row: MeshRow) => row.interval?.low ?? numberOf(row)
  if (high(linkerd) < low(istio)) return { verdict: 'holds', measured }
  return { verdict: low(linkerd) > high(istio) ? 'does not hold' : 'cannot tell', measured }
}

function ranged(rows: readonly MeshRow[], text: (value: number) => string): string {
  const values = rows.map(numberOf)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return least === most ? text(least) : `${text(least)} to ${text(most)}`
}
