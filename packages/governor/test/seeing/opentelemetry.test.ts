// The real SDK of OpenTelemetry collects from a governor.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { metrics } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { observe } from '@threadmap/governor/opentelemetry'
import { prometheus } from '#governor/seeing/prometheus.js'
import { calm, KEYS, Shown, shard } from '../support/seen.js'

/** A provider whose collections the test asks for. */
function provided(t: TestContext) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  t.after(() => provider.shutdown())
  return {
    provider,
    async collect(): Promise<Map<string, MetricData>> {
      exporter.reset()
      await provider.forceFlush()
      const [resource] = exporter.getMetrics()
      const all = resource?.scopeMetrics.flatMap(scope => scope.metrics) ?? []
      return new Map(all.map(metric => [metric.descriptor.name, metric]))
    },
  }
}

function value(metric: MetricData | undefined, attributes: Record<string, unknown> = {}): number | undefined {
  const points = (metric?.dataPoints ?? []) as DataPoint<number>[]
  const wanted = Object.entries(attributes)
  const found = points.filter(
    point =>
      Object.keys(point.attributes).length === wanted.length &&
      wanted.every(([name, is]) => point.attributes[name] === is),
  )
  return found.length === 1 ? found[0].value : undefined
}

test('the figures are those of Prometheus, under names and units of OpenTelemetry', async t => {
  const { provider, collect } = provided(t)
  const shown = new Shown()
  t.after(observe(shown, { meter: provider.getMeter('test') }))
  const found = await collect()
  assert.equal(value(found.get('threadmap.governor.threads')), 8)
  assert.equal(value(found.get('threadmap.governor.shards'), { level: '2' }), 1)
  assert.equal(value(found.get('threadmap.governor.transitions')), 412)
  assert.equal(value(found.get('threadmap.map.lock_wait'), { 'threadmap.map': 'sessions "eu"' }), 0.014)
  assert.equal(value(found.get('threadmap.governor.objective')), 0.05)
  assert.equal(found.get('threadmap.governor.objective')?.descriptor.unit, 's')
  assert.equal(value(found.get('threadmap.shard.operations'), { 'threadmap.shard': 17 }), 1017)
  assert.equal(found.get('threadmap.shard.operations')?.descriptor.unit, '{operation}')
  assert.equal(value(found.get('threadmap.shard.level'), { 'threadmap.shard': 40 }), 3)
  assert.equal(value(found.get('threadmap.shard.window_p99'), { 'threadmap.shard': 17, window: '10s' }), 0.912)
  assert.equal(value(found.get('threadmap.shard.limit_operations_per_second'), { 'threadmap.shard': 9 }), 20)
  assert.equal(value(found.get('threadmap.shard.limit_operations_per_second'), { 'threadmap.shard': 17 }), 0)
  // Every family of Prometheus has its metric here, and counters are counters.
  for (const [, name, kind] of prometheus(shown).matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const dotted = name
      .replace(/^threadmap_(governor|shard|map)_/, 'threadmap.$1.')
      .replace(/(_seconds)?(_total)?$/, '')
    const metric = found.get(kind === 'histogram' ? `${dotted}.bucket` : dotted)
    assert.ok(metric !== undefined, `${name} is not among ${[...found.keys()].join(', ')}`)
    assert.equal('isMonotonic' in metric && metric.isMonotonic, kind !== 'gauge', name)
  }
})

test('latencies are counters at edges: they can be added, and a quantile comes from them', async t => {
  const { provider, collect } = provided(t)
  t.after(observe(new Shown(), { meter: provider.getMeter('test') }))
  const found = await collect()
  const bucket = found.get('threadmap.shard.latency.bucket')
  assert.equal(bucket?.descriptor.unit, '{operation}')
  const { operations } = shard(17)
  assert.deepEqual(
    [0.001, 0.01, 0.1, 1, '+Inf'].map(le => value(bucket, { 'threadmap.shard': 17, le })),
    [1, 2, 3, 4, 5].map(part => Math.floor((operations * part) / 5)),
  )
  assert.equal(value(found.get('threadmap.shard.latency.count'), { 'threadmap.shard': 17 }), operations)
  assert.equal(value(found.get('threadmap.shard.latency.sum'), { 'threadmap.shard': 17 }), operations * 0.02)
  assert.equal(found.get('threadmap.shard.latency.sum')?.descriptor.unit, 's')
})

test('each collection reads one snapshot, with the newest figures, and no key is an attribute', async t => {
  const { provider, collect } = provided(t)
  let snapshots = 0
  class Counting extends Shown {
    override snapshot() {
      snapshots++
      return super.snapshot()
    }
  }
  const shown = new Counting()
  t.after(observe(shown, { meter: provider.getMeter('test') }))
  await collect()
  snapshots = 0
  shown.current = { ...shown.current, threads: 9 }
  const found = await collect()
  assert.equal(snapshots, 1)
  assert.equal(value(found.get('threadmap.governor.threads')), 9)
  const text = JSON.stringify([...found.values()])
  for (const { key } of KEYS) assert.ok(!text.includes(key.slice(0, 8)), key)
})

test('a shard that has no limit any more reports 0, not the limit that it had', async t => {
  const { provider, collect } = provided(t)
  const shown = new Shown()
  t.after(observe(shown, { meter: provider.getMeter('test') }))
  const before = await collect()
  assert.equal(value(before.get('threadmap.shard.concurrency_limit'), { 'threadmap.shard': 17 }), 4)
  shown.current = calm()
  shown.current = { ...shown.current, shards: shown.current.shards.map(each => ({ ...each, p99Short: 0 })) }
  const after = await collect()
  assert.equal(value(after.get('threadmap.shard.concurrency_limit'), { 'threadmap.shard': 17 }), 0)
  assert.equal(value(after.get('threadmap.shard.window_p99'), { 'threadmap.shard': 17, window: '10s' }), 0)
})

test('with more than 256 shards the series are those of all together', async t => {
  const { provider, collect } = provided(t)
  t.after(observe(new Shown(calm(300)), { meter: provider.getMeter('test') }))
  const found = await collect()
  assert.equal(value(found.get('threadmap.shard.operations')), 66_000)
  assert.equal(value(found.get('threadmap.shard.latency.count')), 66_000)
  assert.equal(found.get('threadmap.shard.level'), undefined)
  const points = [...found.values()].reduce((sum, { dataPoints }) => sum + dataPoints.length, 0)
  assert.ok(points < 40, String(points))
})

test('without a meter the global provider is used; the function that it returns ends the reports', async t => {
  const { provider, collect } = provided(t)
  metrics.setGlobalMeterProvider(provider)
  t.after(() => metrics.disable())
  const shown = new Shown()
  const stop = observe(shown)
  assert.equal(value((await collect()).get('threadmap.governor.threads')), 8)
  stop()
  // The SDK keeps the last values; what counts is that nobody asks the governor any more.
  shown.current = { ...shown.current, threads: 9 }
  assert.notEqual(value((await collect()).get('threadmap.governor.threads')), 9)
})
