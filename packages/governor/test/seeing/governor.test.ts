import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  const edges = [...body.matchAll(/_bucket\{shard="0",le="([\d.]+)"\}/g)].map(([, le]) => Number(le))
  assert.ok(edges.length >= 15 && edges.length <= 25, String(edges))
  assert.deepEqual(
    edges,
    [...edges].sort((a, b) => a - b),
  )
  t.diagnostic(`edges: ${edges.join(', ')} s`)
})
