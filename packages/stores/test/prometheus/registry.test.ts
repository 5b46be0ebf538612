import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Counter, Gauge, Histogram, RELATIVE_ERROR, SharedRegistry, Summary } from '@threadmap/stores/prometheus'
import * as prom from 'prom-client'
import { AttachError, OptionError } from 'threadmap'
import { type Metrics, metricsIn, work } from '../programs/counting.js'

/** The text, without the lines that say a quantile. */
async function textOf(registry: { metrics(): Promise<string> }): Promise<string> {
  return (await registry.metrics()).replaceAll(/^quantiles\{quantile=.*\n/gm, '')
}

/** Starts a worker that will do pieces of the work. */
async function start(registry: SharedRegistry, from: number, to: number): Promise<Worker> {
  const worker = new Worker(new URL('../programs/counting.js', import.meta.url), {
    workerData: { counting: { handle: registry.handle, from, to } },
  })
  await once(worker, 'message')
  return worker
}

async function run(worker: Worker): Promise<void> {
  worker.postMessage('go')
  await once(worker, 'message')
}

/** The first pieces, which bring every series, so that both registries show them in one order. */
function begin(metrics: Metrics): void {
  for (let n = 0; n < 12; n++) work(metrics, n)
}

test('the text of four workers, one of which has ended, is that of one process that does all the work', async () => {
  const alone = new prom.Registry()
  const metrics = metricsIn(alone)
  begin(metrics)
  for (let n = 0; n < 8000; n++) work(metrics, n)

  using registry = new SharedRegistry()
  begin(metricsIn(registry))
  const workers = await Promise.all([0, 1, 2, 3].map(i => start(registry, i * 2000, (i + 1) * 2000)))
  await run(workers[0])
  await workers[0].terminate()
  await Promise.all(workers.slice(1).map(run))
  assert.equal(await textOf(registry), await textOf(alone))
  // A thread that has made no metric shows them as well.
  using other = SharedRegistry.attach(registry.handle)
  assert.equal(await textOf(other), await textOf(alone))
  const json = async (each: prom.Registry) =>
    (await each.getMetricsAsJSON())
      .filter(({ name }) => name !== 'quantiles')
      .map(metric => ({
        ...metric,
        values: (metric.values as prom.MetricValueWithName<string>[]).map(({ value, labels, metricName }) => ({
          value,
          labels,
          metricName,
        })),
      }))
  assert.deepEqual(await json(other), await json(alone))
  await Promise.all(workers.map(worker => worker.terminate()))
})

test('workers that are terminated while they record keep what they counted', async () => {
  using registry = new SharedRegistry()
  const { requests, plain, seconds } = metricsIn(registry)
  const total = async (metric: { get(): Promise<{ values: prom.MetricValueWithName<string>[] }> }) =>
    (await metric.get()).values
      .filter(({ metricName }) => metricName === undefined || metricName.endsWith('_count'))
      .reduce((sum, { value }) => sum + value, 0)
  const ROUNDS = 10
  for (let round = 0; round < ROUNDS; round++) {
    const before = await total(plain as never)
    const worker = await start(registry, 0, Number.MAX_SAFE_INTEGER)
    worker.postMessage('go')
    while ((await total(plain as never)) < before + 500);
    await worker.terminate()
  }
  const [requested, counted, observed] = await Promise.all([requests, plain, seconds].map(each => total(each as never)))
  assert.ok(counted >= 500 * ROUNDS)
  // Both additions to the counter (1 and 0.5) and both observations of a piece are there, but for the pieces during which a worker ended.
  assert.ok(Math.abs(requested / 1.5 - observed / 2) <= ROUNDS, `${requested} requests, ${observed} observations`)
  const { values } = await seconds.get()
  for (const { metricName, labels, value } of values) {
    if (!metricName?.endsWith('_count')) continue
    const infinite = values.find(
      each => (each.labels as { le?: string }).le === '+Inf' && each.labels.route === labels.route,
    )
    assert.equal(infinite?.value, value)
  }
})

test('quantiles of a summary are off by the stated error at most, whichever threads observed', async () => {
  using registry = new SharedRegistry()
  const percentiles = [0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]
  const configuration = { name: 'latency', help: 'Latency', percentiles, registers: [registry] }
  const summary = new Summary(configuration)
  using second = SharedRegistry.attach(registry.handle)
  const other = new Summary({ ...configuration, registers: [second] })
  const values = Array.from({ length: 20_000 }, (_, i) => Math.exp(((i * 7919) % 20_000) / 1500 - 6) - 0.01)
  values.push(...Array.from({ length: 300 }, (_, i) => (i - 150) / 10))
  values.forEach((value, i) => {
    ;(i % 2 ? summary : other).observe(value)
  })
  const sorted = [...values].sort((a, b) => a - b)
  const shown = (await summary.get()).values
  for (const share of percentiles) {
    const exact = sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)]
    const found = shown.find(({ labels }) => labels.quantile === share)?.value as number
    const error = Math.abs(found - exact) / Math.abs(exact)
    assert.ok(error <= RELATIVE_ERROR + 1e-9, `${share}: ${found} for ${exact}`)
  }
  assert.equal(shown.at(-1)?.value, values.length)
  assert.ok(Math.abs((shown.at(-2)?.value as number) - values.reduce((a, b) => a + b)) < 1e-3)
})

test('a summary with maxAgeSeconds forgets what is older', async () => {
  using registry = new SharedRegistry()
  const summary = new Summary({
    name: 'recent',
    help: 'Recent',
    maxAgeSeconds: 0.2,
    ageBuckets: 2,
    pruneAgedBuckets: true,
    registers: [registry],
  })
  summary.observe(100)
  const [first] = (await summary.get()).values
  assert.ok(first === undefined || Math.abs(first.value - 100) <= 1)
  while ((await summary.get()).values.length > 0);
  summary.observe(50)
  const { values } = await summary.get()
  assert.ok(values.length === 0 || (values.at(-1)?.value === 2 && Math.abs(values[0].value - 50) <= 0.5))
})

test('zero, reset, remove and clear as in prom-client, and for all threads', async () => {
  using registry = new SharedRegistry()
  const usual = new prom.Registry()
  const alone = metricsIn(usual)
  const together = metricsIn(registry)
  using second = SharedRegistry.attach(registry.handle)
  const elsewhere = metricsIn(second)
  const both = async (change: (metrics: Metrics) => void, from = together) => {
    change(alone)
    change(from)
    const expected = await textOf(usual)
    assert.equal(await textOf(registry), expected)
    assert.equal(await textOf(second), expected)
  }
  await both(() => {})
  await both(begin)
  await both(({ seconds }) => seconds.zero({ route: '/zero' }), elsewhere)
  await both(({ requests }) => requests.remove({ route: '/1', code: 201 }))
  await both(({ active }) => active.remove('/2'), elsewhere)
  await both(metrics => work(metrics, 1))
  await both(metrics => work(metrics, 2), elsewhere)
  await both(({ seconds, sizes }) => {
    seconds.reset()
    sizes.reset()
  })
  await both(({ requests, plain, level }) => {
    requests.reset()
    plain.reset()
    level.reset()
  }, elsewhere)
  await both(begin)
  await both(({ quantiles }) => quantiles.reset())
  await both(({ level, active }) => {
    level.set(-7.25)
    level.set(Number.POSITIVE_INFINITY)
    active.set({ route: '/new' }, 5)
  })
  usual.resetMetrics()
  second.resetMetrics()
  assert.equal(await textOf(registry), await textOf(usual))
  usual.removeSingleMetric('plain')
  registry.removeSingleMetric('plain')
  assert.equal(await textOf(registry), await textOf(usual))
  registry.clear()
  assert.equal((await second.metrics()).trim(), '')
})

test('default labels, OpenMetrics, single metrics, collect, and metrics of prom-client itself', async () => {
  const texts: unknown[][] = []
  for (const registry of [new prom.Registry(), new SharedRegistry()]) {
    registry.setContentType('application/openmetrics-text; version=1.0.0; charset=utf-8' as never)
    registry.setDefaultLabels({ app: 'shop' })
    begin(metricsIn(registry))
    const kinds = registry instanceof SharedRegistry ? { Gauge } : prom
    new kinds.Gauge({
      name: 'collected',
      help: 'Collected',
      registers: [registry],
      async collect() {
        await new Promise(resolve => setImmediate(resolve))
        this.set(42)
      },
    })
    new prom.Counter({ name: 'own_total', help: 'Of this thread', registers: [registry] }).inc(3)
    const single = await registry.getSingleMetricAsString('plain')
    const level = (await (registry.getSingleMetric('level') as prom.Gauge).get()).values[0].value
    texts.push([await textOf(registry), single, level, await textOf(registry)])
  }
  assert.deepEqual(texts[1], texts[0])
  assert.match(String(texts[1][0]), /collected\{app="shop"\} 42/)
})

test('timers measure, and a metric that two threads know differently is refused', async () => {
  using registry = new SharedRegistry()
  const histogram = new Histogram({ name: 'timed', help: 'Timed', labelNames: ['a', 'b'], registers: [registry] })
  const seconds = histogram.startTimer({ a: 1 })({ b: 2 })
  histogram.labels('1', '2').startTimer()()
  assert.ok(seconds >= 0)
  const { values } = await histogram.get()
  assert.deepEqual(values.at(-1), { metricName: 'timed_count', value: 2, labels: { a: 1, b: 2 } })
  using second = SharedRegistry.attach(registry.handle)
  const other = { name: 'timed', help: 'Timed', labelNames: ['a'], registers: [second] }
  assert.throws(() => new Histogram(other), /timed has already been registered by another thread/)
  assert.throws(() => new Counter({ name: 'timed', help: 'Timed', registers: [registry] }), /already been registered/)
})

test('what does not fit is refused as in prom-client, or by name', () => {
  using registry = new SharedRegistry()
  const registers = [registry]
  const counter = new Counter({ name: 'c', help: 'C', labelNames: ['a'], registers })
  assert.throws(() => counter.inc({ b: 1 } as never), /Added label "b" is not included in initial labelset: \[ 'a' \]/)
  assert.throws(() => counter.inc({ a: 1 }, -1), /not possible to decrease/)
  assert.throws(() => counter.inc({ a: 1 }, Number.POSITIVE_INFINITY), /not a valid number/)
  assert.throws(() => counter.labels('1', '2'), /Invalid number of arguments/)
  assert.throws(
    () => new Gauge({ name: 'g', help: 'G', registers }).set('1' as never),
    /Value is not a valid number: 1/,
  )
  assert.throws(() => new Summary({ name: 's', help: 'S', registers }).observe('x' as never), /not a valid number: x/)
  assert.throws(() => new Counter({ name: 'unshared', help: 'U', registers: [new prom.Registry()] }), OptionError)
  assert.throws(() => new Counter({ name: 'e', help: 'E', enableExemplars: true, registers }), /[Ee]xemplars/)
  assert.throws(() => SharedRegistry.attach({} as never), AttachError)
})
