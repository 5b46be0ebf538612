import type { Spread } from '@threadmap/workbench/statistics'

/** The origin of a row: `measured` in a run of this package, `published` by others, or `supplied` by the user. Origins are never ranked together. */
export type RowTag = 'measured' | 'published' | 'supplied'

/** One figure or answer about one subject: what experiments, published tables and users' files have in common. */
export interface MeshRow {
  /** The id of the subject: `envoy`, `haproxy-2.8`, `nginx`, or another name in published and supplied rows. */
  readonly subject: string
  /** The version of the subject; undefined where a source does not name it. */
  readonly version: string | undefined
  /** The id of the metric: see `METRICS`. */
  readonly metric: string
  /** The unit of a figure (`ms`, `MB`, `ms CPU/1,000 requests`); '' for an answer in words. */
  readonly unit: string
  /** The figure (the median over rounds), or the answer in words, such as `refused` or `let in`. */
  readonly value: number | string
  /** One figure for each round, in the order of the rounds: rows of one run with the same metric share their rounds. */
  readonly values?: readonly number[]
  /** The quartiles of `values`, or the interval that a source gives. */
  readonly interval?: Pick<Spread, 'low' | 'high'>
  readonly tag: RowTag
  /** Where the row comes from: the experiment of a run, a publication, a file. */
  readonly source: string
  /** The day of the measurement or publication, as `2026-11-27`. */
  readonly date: string
  /** The machine of a measured row, in a few words. */
  readonly machine?: string
  /** Workload or circumstance in words, where one metric has several rows: `HTTP/1.1, 500 requests/s`. */
  readonly workload?: string
}

/** A metric of measured rows. */
export interface Metric {
  readonly title: string
  readonly unit: string
  /** Which values are better; undefined for answers that only requirements judge. */
  readonly better?: 'lower' | 'higher'
}

/** The metrics of measured rows. Published and supplied rows may have others. */
export const METRICS = {
  'p50-added': { title: 'added P50 over direct', unit: 'ms', better: 'lower' },
  'p95-added': { title: 'added P95 over direct', unit: 'ms', better: 'lower' },
  'p99-added': { title: 'added P99 over direct', unit: 'ms', better: 'lower' },
  'cpu-per-request': { title: 'processor time of both proxies', unit: 'ms per 1,000 requests', better: 'lower' },
  'requests-failed': { title: 'requests that failed without a fault, per round', unit: 'requests', better: 'lower' },
  pss: { title: 'memory of both proxies (PSS)', unit: 'MB', better: 'lower' },
  capacity: { title: 'highest throughput through the pair', unit: 'requests/s', better: 'higher' },
  knee: { title: 'highest rate at which the added P95 keeps its objective', unit: 'requests/s', better: 'higher' },
  'knee-p95': { title: 'added P95 at the knee', unit: 'ms', better: 'lower' },
  'knee-cpu': { title: 'processor time of both proxies at the knee', unit: 'ms per 1,000 requests', better: 'lower' },
  'metrics-cpu': { title: 'processor time that metrics add', unit: 'ms per 1,000 requests', better: 'lower' },
  'metrics-p95': { title: 'P95 that metrics add', unit: 'ms', better: 'lower' },
  'metrics-pss': { title: 'memory that metrics add', unit: 'MB', better: 'lower' },
  'tracing-cpu': { title: 'processor time that tracing adds', unit: 'ms per 1,000 requests', better: 'lower' },
  'tracing-p95': { title: 'P95 that tracing adds', unit: 'ms', better: 'lower' },
  'tracing-pss': { title: 'memory that tracing adds', unit: 'MB', better: 'lower' },
  'traced-requests': { title: 'requests whose trace arrived', unit: '%', better: 'higher' },
  handshake: { title: 'full handshake, client and server together', unit: 'ms', better: 'lower' },
  'handshake-cpu': { title: "processor time of the server's proxy for a full handshake", unit: 'ms', better: 'lower' },
  'handshake-first-byte': { title: 'new session to the first byte of the answer', unit: 'ms', better: 'lower' },
  'handshake-first-byte-cpu': {
    title: "processor time of the server's proxy for a new session with a request",
    unit: 'ms',
    better: 'lower',
  },
  'handshake-resumed': { title: 'resumed handshake to the first byte of the answer', unit: 'ms', better: 'lower' },
  'handshake-resumed-cpu': {
    title: "processor time of the server's proxy for a resumed session with a request",
    unit: 'ms',
    better: 'lower',
  },
  resumption: { title: 'a client that offers a session', unit: '' },
  'pss-per-mtls-connection': {
    title: "memory of the server's proxy for an idle mTLS connection",
    unit: 'kB',
    better: 'lower',
  },
  'pss-per-connection': {
    title: "memory of the client's proxy for an idle plain connection",
    unit: 'kB',
    better: 'lower',
  },
  'pss-per-route': { title: "memory of the server's proxy for a route", unit: 'kB', better: 'lower' },
  'pss-growth': { title: 'growth of the memory of both proxies over time', unit: 'MB/h', better: 'lower' },
  'control-push': { title: 'services: command to their effect', unit: 'ms', better: 'lower' },
  'control-push-cpu': {
    title: 'processor time of the control plane until services have their effect',
    unit: 'ms',
    better: 'lower',
  },
  'control-rest-cpu': { title: 'processor time of the control plane at rest', unit: 'cores', better: 'lower' },
  'control-pss': { title: 'memory of the control plane (PSS)', unit: 'MB', better: 'lower' },
  'control-proxy-pss': { title: 'memory of a proxy with all services (PSS)', unit: 'MB', better: 'lower' },
  'tls-versions': { title: 'TLS versions that are accepted', unit: '' },
  'no-certificate': { title: 'client without a certificate', unit: '' },
  'wrong-identity': { title: 'client with another identity', unit: '' },
  'expired-certificate': { title: 'client with an expired certificate', unit: '' },
  'revoked-certificate': { title: 'client with a revoked certificate', unit: '' },
  'foreign-authority': { title: 'client with a certificate of another authority', unit: '' },
  'sha1-certificate': { title: 'client with a certificate signed with SHA-1', unit: '' },
  revocation: { title: 'revocation: command to the first refusal', unit: 'ms', better: 'lower' },
  'revocation-last': {
    title: 'revocation: command to the refusal by the last of several proxies',
    unit: 'ms',
    better: 'lower',
  },
  'revoked-connection': { title: 'connections that the owner of a revoked certificate has open', unit: '' },
  rotation: { title: "rotation of the server's certificate: command to effect", unit: 'ms', better: 'lower' },
  'rotation-failed': { title: 'requests that failed during rotation', unit: 'requests', better: 'lower' },
  'ca-rotation-first': { title: 'new root: command to its first certificate in use', unit: 'ms', better: 'lower' },
  'ca-rotation': { title: 'new root: command to the refusal of the old one', unit: 'ms', better: 'lower' },
  'ca-rotation-open': { title: 'open connections of the old root', unit: '' },
  'ca-rotation-failed': { title: 'requests that failed during a new root', unit: 'requests', better: 'lower' },
  'canary-first': { title: 'canary 10% to 100%: command to first effect', unit: 'ms', better: 'lower' },
  canary: { title: 'canary 10% to 100%: command to full effect', unit: 'ms', better: 'lower' },
  'canary-failed': { title: 'requests that failed during the canary', unit: 'requests', better: 'lower' },
  'reload-failed': { title: 'requests that failed during a reload or hot restart', unit: 'requests', better: 'lower' },
  'operator-steps': { title: 'files and commands of a change', unit: 'steps', better: 'lower' },
  'discovery-age': {
    title: 'age of discovery while the link of two datacentres is cut',
    unit: 's',
    better: 'lower',
  },
  'discovery-recovery': {
    title: 'the link of two datacentres is back: until discovery is right',
    unit: 's',
    better: 'lower',
  },
  'bad-configuration': { title: 'bad configuration', unit: '' },
} as const satisfies Record<string, Metric>

/** A measured metric's id. Faults add rows `fault-NAME-failed`, `-recovery` and `-p99`; with retries their name is `NAME-retried`, over new connections `NAME-new`. */
export type MetricId = keyof typeof METRICS
