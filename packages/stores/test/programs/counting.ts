/** Work on metrics, in whatever thread: a worker does its part of it when it is asked. */
import { parentPort, workerData } from 'node:worker_threads'
import {
  Counter,
  Gauge,
  Histogram,
  SharedRegistry,
  type SharedRegistryHandle,
  Summary,
} from '@threadmap/stores/prometheus'
import * as prom from 'prom-client'

type Registries = prom.Registry[]

/** The metrics, of this package's classes or of prom-client's own. */
export function metricsIn(registry: prom.Registry) {
  const registers = [registry] as Registries
  const kinds = registry instanceof SharedRegistry ? { Counter, Gauge, Histogram, Summary } : prom
  return {
    requests: new kinds.Counter({ name: 'requests_total', help: 'Requests', labelNames: ['route', 'code'], registers }),
    plain: new kinds.Counter({ name: 'plain', help: 'Without labels', registers }),
    active: new kinds.Gauge({ name: 'active', help: 'Active "now"\nand not', labelNames: ['route'], registers }),
    level: new kinds.Gauge({ name: 'level', help: 'A level', registers }),
    seconds: new kinds.Histogram({
      name: 'seconds',
      help: 'Durations',
      labelNames: ['route'],
      buckets: [0.125, 0.5, 1],
      registers,
    }),
    sizes: new kinds.Histogram({ name: 'sizes', help: 'Without labels', registers }),
    quantiles: new kinds.Summary({ name: 'quantiles', help: 'Quantiles', labelNames: ['route'], registers }),
  }
}

export type Metrics = ReturnType<typeof metricsIn>

/** Piece `n` of the work. All numbers are sums of powers of two, which are exact in any order. */
export function work({ requests, plain, active, level, seconds, sizes, quantiles }: Metrics, n: number): void {
  const route = `/${n % 3}`
  requests.inc({ route, code: 200 + (n % 2) })
  requests.labels({ route: '/"quoted"\\', code: '500' }).inc(0.5)
  plain.inc(n % 4)
  active.inc({ route }, 3)
  active.labels(route).dec()
  level.inc(2)
  level.dec(n % 2)
  seconds.observe({ route }, (n % 12) / 8)
  seconds.labels(route).observe(0.25)
  sizes.observe(n % 16)
  quantiles.observe({ route }, (n % 1000) + 1)
}

if (parentPort !== null && workerData?.counting) {
  const { handle, from, to } = workerData.counting as { handle: SharedRegistryHandle; from: number; to: number }
  const metrics = metricsIn(SharedRegistry.attach(handle) as prom.Registry)
  parentPort.postMessage('ready')
  parentPort.once('message', () => {
    for (let n = from; n < to; n++) work(metrics, n)
    parentPort!.postMessage('done')
  })
}
