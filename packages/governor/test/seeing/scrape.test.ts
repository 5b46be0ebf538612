// Debian's Prometheus scrapes a governor, and answers every query of the dashboard.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { Governor } from '@threadmap/governor'
import { serve } from '@threadmap/governor/serve'
import { ALERTS, queries } from '../support/dashboard.js'
import { startPrometheus, withoutPrometheus } from '../support/prometheus.js'
import { Shown, shard, trouble } from '../support/seen.js'

/** A governor whose counters go on, as if 100 operations per shard ended between two scrapes. */
class Busy extends Shown {
  #scrapes = 0
  override snapshot() {
    this.#scrapes++
    const done = this.#scrapes * 100
    const { shards, all } = trouble()
    return {
      ...this.current,
      all: { ...all, operations: all.operations + done * shards.length },
      shards: shards.map(each => ({
        ...each,
        operations: each.operations + done,
        errors: each.errors + this.#scrapes,
      })),
    }
  }
  override latency(number = 0) {
    const counted = shard(number).operations + this.#scrapes * 100
    return {
      buckets: [
        { le: 0.01, count: Math.floor(counted / 2) },
        { le: 0.1, count: counted - 1 },
        { le: Number.POSITIVE_INFINITY, count: counted },
      ],
      sum: counted * 0.02,
      count: counted,
    }
  }
}

test('Prometheus scrapes the metrics without a complaint, and every query of the dashboard has a result', {
  skip: withoutPrometheus,
}, async t => {
  await using server = await serve(new Busy(), { port: 0 })
  await using prometheus = await startPrometheus(`127.0.0.1:${server.port}`, [ALERTS])

  const [up] = await prometheus.query('up{job="threadmap"}', ([first]) => first?.value === 1)
  assert.equal(up.metric.instance, `127.0.0.1:${server.port}`)
  const levels = await prometheus.query('threadmap_shard_level > 0')
  assert.deepEqual(levels.map(({ metric, value }) => [metric.shard, value]).sort(), [
    ['17', 2],
    ['40', 3],
    ['9', 1],
  ])
  const p99 = await prometheus.query('threadmap_shard_window_p99_seconds{shard="17",window="10s"}')
  assert.deepEqual(
    p99.map(({ value }) => value),
    [0.912],
  )
  // Half of the operations are below 10 ms, nearly all others between 10 and 100 ms.
  const [median] = await prometheus.query(
    'histogram_quantile(0.5, sum by (le) (rate(threadmap_shard_latency_seconds_bucket[10s])))',
    ([first]) => first?.value > 0,
  )
  assert.ok(Math.abs(median.value - 0.01) < 0.001, String(median.value))
  // Not all series have two scrapes at the same moment: one result is enough to know that the query asks for what is there.
  for (const { expression, panel } of queries()) {
    const result = await prometheus.query(expression)
    assert.ok(result.length > 0, panel)
  }
  const alerts = await prometheus.query('ALERTS')
  assert.deepEqual([...new Set(alerts.map(({ metric }) => metric.alertname))].sort(), [
    'ThreadmapShardDegraded',
    'ThreadmapShardIsolated',
    'ThreadmapShardPinned',
  ])
  // Prometheus's own word on what it read: type and help of each family.
  const { data } = await prometheus.api('metadata?metric=threadmap_shard_latency_seconds')
  const [about] = (data as Record<string, { type: string; unit: string; help: string }[]>)
    .threadmap_shard_latency_seconds
  assert.equal(about.type, 'histogram')
  const [series] = await prometheus.query('scrape_samples_scraped', ([first]) => first?.value > 0)
  t.diagnostic(`${series.value} series of 64 shards with 3 buckets each`)
})

test('what Prometheus reads from a governor is what ran through it, over all its threads', {
  skip: withoutPrometheus,
}, async () => {
  using governor = new Governor({ objective: { p99: 50 }, shards: 4, shardOf: key => Number(key.slice(0, 1)) })
  const worker = new Worker(new URL('../programs/reading.js', import.meta.url), {
    workerData: { handle: governor.handle, reads: 70 },
  })
  const ended = once(worker, 'message')
  for (let i = 0; i < 30; i++) await governor.read('3:a', async () => i)
  await ended
  await using server = await serve(governor, { port: 0 })
  await using prometheus = await startPrometheus(`127.0.0.1:${server.port}`)
  await prometheus.query('threadmap_shard_operations_total{shard="3"}', ([first]) => first?.value === 100)
  await prometheus.query('threadmap_shard_latency_seconds_count{shard="3"}', ([first]) => first?.value === 100)
  await prometheus.query(
    'threadmap_shard_latency_seconds_bucket{shard="3",le="+Inf"}',
    ([first]) => first?.value === 100,
  )
  await prometheus.query('threadmap_governor_threads', ([first]) => first?.value === 2)
  governor.pin(3, 3)
  await prometheus.query('threadmap_shard_level{shard="3"}', ([first]) => first?.value === 3)
  await prometheus.query('threadmap_governor_transitions_total', ([first]) => first?.value === 1)
  await worker.terminate()
  await prometheus.query('threadmap_governor_threads', ([first]) => first?.value === 1)
})
