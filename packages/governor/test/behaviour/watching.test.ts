import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Governor } from '@threadmap/governor'

test('operations, errors and latencies are counted by shard', async () => {
  using governor = new Governor({ objective: { p99: 50 }, shards: 4, shardOf: key => Number(key.slice(0, 1)) })
  for (let i = 0; i < 10; i++) await governor.read('1:a', async () => i)
  await governor.write('2:b', () => 'plain')
  await assert.rejects(
    governor.read('1:c', () => Promise.reject(new Error('no'))),
    /no/,
  )
  assert.throws(() => governor.latency(4), { code: 'ERR_THREADMAP_OPTION' })
  const { shards, all, threads } = governor.snapshot()
  assert.deepEqual(
    shards.map(({ operations, errors, inFlight }) => [operations, errors, inFlight]),
    [
      [0, 0, 0],
      [11, 1, 0],
      [1, 0, 0],
      [0, 0, 0],
    ],
  )
  assert.equal(all.operations, 12)
  assert.equal(threads, 1)
  assert.equal(governor.latency(1).count, 11)
  assert.deepEqual(JSON.parse(JSON.stringify(governor.snapshot().shards[1])).operations, 11)
})
