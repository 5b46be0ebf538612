import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Governor, prometheus } from '@threadmap/governor'
import { serve } from '@threadmap/governor/serve'
import { ask } from '../support/http.js'

test('the metrics of a governor count what ran through it', async t => {
  using governor = new Governor({ objective: { p99: 50 }, shards: 4, shardOf: key => Number(key.slice(0, 1)) })
  await using server = await serve(governor, { port: 0 })
  for (let i = 0; i < 20; i++) await governor.read('1:a', async () => i)
  await assert.rejects(governor.write('2:b', () => Promise.reject(new Error('no'))))
  const { body } = await ask(server.port, '/metrics')
  assert.match(body, /^threadmap_shard_operations_total\{shard="1"\} 20$/m)
  assert.match(body, /^threadmap_shard_errors_total\{shard="2"\} 1$/m)
  assert.match(body, /^threadmap_shard_latency_seconds_bucket\{shard="1",le="\+Inf"\} 20$/m)
  assert.match(body, /^threadmap_shard_latency_seconds_count\{shard="1"\} 20$/m)
  assert.match(body, /^threadmap_governor_threads 1$/m)
  assert.match(body, /^threadmap_governor_shards\{level="0"\} 4$/m)
  assert.match(prometheus(governor, { perShard: false }), /^threadmap_shard_latency_seconds_count 21$/m)
  assert.equal(governor.latency().count, 21)
  assert.equal(
    governor.latency().sum.toFixed(9),
    [0, 1, 2, 3].reduce((sum, shard) => sum + governor.latency(shard).sum, 0).toFixed(9),
  )
  const edges = [...body.matchAll(/_bucket\{shard="0",le="([\d.]+)"\}/g)].map(([, le]) => Number(le))
  assert.ok(edges.length >= 15 && edges.length <= 25, String(edges))
  assert.deepEqual(
    edges,
    [...edges].sort((a, b) => a - b),
  )
  t.diagnostic(`edges: ${edges.join(', ')} s`)
})

test('levels, transitions and hot keys of a governor are in metrics, page and snapshot', async () => {
  using governor = new Governor({
    objective: { p99: 50 },
    shards: 4,
    shardOf: key => Number(key.slice(0, 1)),
    keys: { sample: 1 },
  })
  await using server = await serve(governor, { port: 0 })
  for (let i = 0; i < 500; i++) await governor.read(i % 5 === 0 ? `1:${i}` : '1:<b>hot</b>', async () => i)
  governor.pin(1, 1)
  // The keys of a thread are published by its next turn.
  const deadline = performance.now() + 120_000
  while (governor.snapshot().topKeys.length === 0 && performance.now() < deadline) await sleep(50)
  const metrics = (await ask(server.port, '/metrics')).body
  assert.match(metrics, /^threadmap_shard_level\{shard="1"\} 1$/m)
  assert.match(metrics, /^threadmap_shard_pinned\{shard="1"\} 1$/m)
  assert.match(metrics, /^threadmap_governor_shards\{level="1"\} 1$/m)
  assert.match(metrics, /^threadmap_governor_transitions_total 1$/m)
  const ratio = Number(/^threadmap_shard_hottest_key_ratio\{shard="1"\} (.*)$/m.exec(metrics)?.[1])
  assert.ok(ratio > 0.6 && ratio <= 1, String(ratio))
  assert.ok(!metrics.includes('hot</b>'))
  const page = (await ask(server.port, '/')).body
  assert.match(page, /Shard 1 is limited, pinned by hand/)
  assert.match(page, /<td class="key">1:&lt;b&gt;hot&lt;\/b&gt;<\/td>/)
  assert.match(page, /Shard 1: normal → limited/)
  const snapshot = JSON.parse((await ask(server.port, '/snapshot.json')).body)
  assert.equal(snapshot.topKeys[0].key, '1:<b>hot</b>')
  assert.equal(snapshot.transitions.length, 1)
})
