import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallStatus, Governor, ShardDegradedError, ShardLimitedError } from '@threadmap/governor'
import { json } from 'threadmap'
import { load, QUICK, stepsOf, until } from '../support/load.js'

test('a slow shard is limited, then isolated, and all is normal again by itself when the fault is over', async t => {
  using governor = new Governor(QUICK)
  let slow = true
  const transitions: string[] = []
  const alerts: number[] = []
  governor.on('transition', ({ shard, from, to, reason }) => transitions.push(`${shard}: ${from}>${to} ${reason}`))
  governor.on('alert', ({ shard }) => alerts.push(shard))
  let next = 0
  const call = () => {
    const key = `${next++ % 8}:${next % 100}`
    return governor.read(key, () => sleep(slow && key.startsWith('3:') ? 150 : 2))
  }
  const traffic = load(2, call)
  await until(governor, ({ shards }) => shards[3].level === 2, 'isolation')
  const { shards } = governor.snapshot()
  assert.equal(shards[3].cause, 'slow shard')
  assert.ok(shards[3].hotSince !== undefined && shards[3].hotSince <= Date.now())
  slow = false
  await until(governor, ({ shards }) => shards[3].level === 0 && !shards[3].hot, 'recovery')
  await traffic.stop()
  const snapshot = governor.snapshot()
  assert.match(stepsOf(snapshot.transitions, 3), /^0>1 1>2 2>1 1>0/)
  for (const shard of snapshot.shards)
    if (shard.shard !== 3) assert.equal(stepsOf(snapshot.transitions, shard.shard), '')
  assert.deepEqual(alerts, [3])
  assert.deepEqual([...traffic.errors.keys()], ['ERR_THREADMAP_SHARD_LIMITED'])
  assert.ok(snapshot.shards[3].refused > 0)
  assert.equal(snapshot.shards[3].errors, 0, 'refusals are no errors of the shard')
  t.diagnostic(transitions.join('\n'))
})

test('a shard that fails is degraded: reads get the last good value or the fallback, writes fail fast, probes bring it back', async () => {
  using governor = new Governor(QUICK)
  let failing = false
  let writes = 0
  const value = json<{ n: number }>()
  const statuses: CallStatus[] = []
  let next = 0
  const traffic = load(2, async () => {
    const key = `${next++ % 8}:${(next >> 3) % 5}`
    const status: CallStatus = {}
    statuses.push(status)
    const fails = failing && key.startsWith('3:') && next % 3 !== 0
    return governor.read(
      key,
      async () => {
        await sleep(2)
        if (fails) throw new Error('down')
        return { n: 1 }
      },
      { value, fallback: () => ({ n: -1 }), status },
    )
  })
  await until(governor, ({ all }) => all.operations > 200, 'traffic')
  failing = true
  await until(governor, ({ shards }) => shards[3].level === 3, 'degradation')
  const status: CallStatus = {}
  const write = () => governor.write('3:1', () => ++writes, { status })
  const before = writes
  let refused: unknown
  for (let i = 0; i < 100 && refused === undefined; i++) await write().catch(error => (refused = error))
  assert.ok(refused instanceof ShardDegradedError)
  assert.ok(refused.retryAfter > 0)
  assert.equal(refused.shard, 3)
  assert.ok(writes - before < 100)
  await until(governor, () => statuses.some(({ from }) => from === 'last good'), 'a last good value')
  failing = false
  await until(governor, ({ shards }) => shards[3].level === 0, 'recovery')
  await traffic.stop()
  assert.match(stepsOf(governor.snapshot().transitions, 3), /0>3 3>2 2>1 1>0$/)
  const aged = statuses.find(({ from }) => from === 'last good')
  assert.ok(aged?.age !== undefined && aged.age >= 0 && aged.level === 3)
})

test('level 1 admits the limit: others are refused with the time to wait, or wait for it', async () => {
  using governor = new Governor({ ...QUICK, limits: { least: 20 } })
  governor.pin(3, 1)
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => governor.read('3:a', async () => 1)))
  const refused = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  // 20 per second, and the burst of 100 ms.
  assert.ok(results.length - refused.length <= 4 && refused.length >= 46, String(refused.length))
  assert.ok(refused.every(error => error instanceof ShardLimitedError && error.level === 1 && error.retryAfter > 0))
  const began = performance.now()
  await Promise.all(Array.from({ length: 10 }, () => governor.write('3:a', () => 1, { wait: 10_000 })))
  assert.ok(performance.now() - began > 350, 'ten writes at 20 per second take half a second')
  const { shards } = governor.snapshot()
  assert.equal(shards[3].limit, 20)
  assert.equal(shards[3].refused, refused.length)
  assert.ok(shards[3].queued >= 8)
  assert.ok(shards[3].max < 100, 'waiting is no latency of the shard')
})

test('level 2 admits a few at once; reads of one key are joined, writes never are', async () => {
  using governor = new Governor({ ...QUICK, isolation: { concurrency: 2 } })
  governor.pin(3, 2)
  let running = 0
  let most = 0
  let calls = 0
  const operation = async () => {
    calls++
    most = Math.max(most, ++running)
    await sleep(20)
    running--
    return calls
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => governor.write(`3:${i}`, operation, { wait: 60_000 })))
  assert.equal(calls, 20)
  assert.equal(most, 2)
  calls = 0
  await Promise.all(Array.from({ length: 5 }, () => governor.write('3:same', operation, { wait: 60_000 })))
  assert.equal(calls, 5, 'each write runs')
  for (const options of [{}, { value: json<number>() }]) {
    calls = 0
    const statuses = Array.from({ length: 10 }, (): CallStatus => ({}))
    const values = await Promise.all(statuses.map(status => governor.read('3:same', operation, { ...options, status })))
    assert.equal(calls, 1)
    assert.deepEqual(new Set(values), new Set([1]))
    assert.equal(statuses.filter(({ from }) => from === 'joined').length, 9)
  }
  const refused = await Promise.allSettled(Array.from({ length: 5 }, (_, i) => governor.read(`3:${i}`, operation)))
  assert.equal(refused.filter(({ status }) => status === 'rejected').length, 3)
})

test('at level 2 calls go to the reroute, but one at a time to the shard, so that its recovery is seen', async () => {
  using governor = new Governor(QUICK)
  governor.pin(3, 2)
  let primary = 0
  const operation = async () => {
    primary++
    await sleep(20)
    return 'primary'
  }
  const values = await Promise.all(
    Array.from({ length: 10 }, (_, i) => governor.write(`3:${i}`, operation, { reroute: () => 'replica' })),
  )
  assert.equal(primary, 1)
  assert.deepEqual(values.filter(value => value === 'replica').length, 9)
  const { shards } = governor.snapshot()
  assert.equal(shards[3].rerouted, 9)
  assert.equal(shards[3].operations, 1)
})

test('at level 2 a hot key is answered from a copy with its age, until it is written', async () => {
  using governor = new Governor(QUICK)
  const value = json<number>()
  let stored = 1
  const read = (status?: CallStatus) =>
    governor.read('3:hot', async () => stored, { value, maxAge: 60_000, ...(status ? { status } : {}) })
  const traffic = load(2, () => read())
  await until(governor, ({ topKeys }) => topKeys[0]?.key === '3:hot', 'the hot key')
  governor.pin(3, 2)
  await until(governor, ({ shards }) => shards[3].copies > 0, 'a copy')
  await traffic.stop()
  const status: CallStatus = {}
  assert.equal(await read(status), 1)
  assert.equal(status.from, 'copy')
  assert.ok(status.age !== undefined && status.age >= 0 && status.age < 60_000)
  await governor.write('3:hot', () => (stored = 2))
  assert.equal(await read(status), 2, 'no copy is older than the last write')
  assert.notEqual(status.from, 'copy')
})

test('a read that begins after a write has ended does not join one that began before', async () => {
  using governor = new Governor(QUICK)
  governor.pin(3, 2)
  for (const options of [{}, { value: json<string>() }]) {
    let stored = 'old'
    let go = () => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    const slow = governor.read(
      '3:k',
      async () => {
        const seen = stored
        await gate
        return seen
      },
      options,
    )
    await governor.write('3:k', () => {
      stored = 'new'
    })
    assert.equal(await governor.read('3:k', async () => stored, options), 'new')
    go()
    assert.equal(await slow, 'old')
    assert.equal(await governor.read('3:k', async () => stored, options), 'new')
  }
})

test('a level can be set by hand for one shard, and the governor switched off for all', async () => {
  using governor = new Governor(QUICK)
  governor.pin(3, 3)
  assert.deepEqual([governor.snapshot().shards[3].level, governor.snapshot().shards[3].pinned], [3, true])
  await sleep(300)
  assert.equal(governor.snapshot().shards[3].level, 3, 'no look changes it')
  governor.enabled = false
  for (let i = 0; i < 5; i++) assert.equal(await governor.write('3:a', () => 'done'), 'done')
  governor.enabled = true
  await governor.write('3:a', () => 'a probe')
  await assert.rejects(
    async () => {
      for (let i = 0; i < 20; i++) await governor.write('3:a', () => 'done')
    },
    { code: 'ERR_THREADMAP_SHARD_DEGRADED' },
  )
  governor.pin(3, 0)
  assert.equal(governor.snapshot().shards[3].level, 0)
  governor.unpin(3)
  assert.deepEqual([governor.snapshot().shards[3].level, governor.snapshot().shards[3].pinned], [0, false])
  assert.deepEqual(
    governor.snapshot().transitions.map(({ to, reason }) => [to, reason]),
    [
      [3, 'Set by hand.'],
      [0, 'Set by hand.'],
      [0, 'Given back to the policy by hand.'],
    ],
  )
  for (const shard of [-1, 8, 1.5]) assert.throws(() => governor.pin(shard, 0), { code: 'ERR_THREADMAP_OPTION' })
  assert.throws(() => governor.pin(0, 4 as 3), { code: 'ERR_THREADMAP_OPTION' })
})
