import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Governor, type GovernorOptions } from '@threadmap/governor'
import { load, QUICK, until } from '../support/load.js'
import { type Member, member } from '../support/threads.js'

const { shardOf, ...OPTIONS } = QUICK as Required<Pick<GovernorOptions, 'shardOf'>> & GovernorOptions

async function ended(...members: Member[]): Promise<void> {
  await Promise.all(members.map(({ worker }) => worker.terminate()))
}

test('the operations and keys of all threads are counted together', async () => {
  using governor = new Governor(QUICK)
  const { handle } = governor
  const members = await Promise.all([1, 2, 3].map(() => member({ handle })))
  await Promise.all(members.map((each, i) => each.tell({ do: 'read', key: `${i}:own`, times: 500, every: 0 })))
  await Promise.all(members.map(each => each.tell({ do: 'read', key: '5:common', times: 400, every: 0 })))
  const { all, shards, threads } = governor.snapshot()
  assert.equal(all.operations, 2700)
  assert.deepEqual(
    shards.map(({ operations }) => operations),
    [500, 500, 500, 0, 0, 1200, 0, 0],
  )
  assert.equal(threads, 4)
  const { topKeys } = await until(governor, snapshot => snapshot.topKeys.length === 4, 'the keys of all threads')
  assert.equal(topKeys[0].key, '5:common')
  assert.ok(Math.abs(topKeys[0].share - 1200 / 2700) < 0.1, JSON.stringify(topKeys))
  await ended(...members)
  await until(governor, snapshot => snapshot.threads === 1, 'the places of dead threads are free')
})

test('a thread that dies while it holds permits gives them back, and is no longer in flight', async () => {
  using governor = new Governor({ ...QUICK, isolation: { concurrency: 2 } })
  const holder = await member({ handle: governor.handle })
  governor.pin(3, 2)
  await holder.tell({ do: 'hang', key: '3:', times: 2 })
  await until(governor, ({ shards }) => shards[3].inFlight === 2, 'two operations in flight')
  await assert.rejects(
    governor.write('3:own', () => 1),
    { code: 'ERR_THREADMAP_SHARD_LIMITED' },
  )
  const waiting = governor.write('3:own', () => 'admitted', { wait: 60_000 })
  await ended(holder)
  assert.equal(await waiting, 'admitted')
  await until(governor, ({ shards }) => shards[3].inFlight === 0, 'nothing in flight')
})

/** Calls that fail in shard 3, so that whoever leads must degrade it. */
function failing(governor: Governor) {
  let next = 0
  return load(2, () => {
    const key = `${next++ % 8}:${next % 10}`
    return governor.read(key, async () => {
      if (key.startsWith('3:')) throw new Error('down')
    })
  })
}

test('when the thread that leads dies, another one leads', async () => {
  const leader = await member({ options: OPTIONS })
  using governor = Governor.attach(leader.handle, { shardOf })
  // The worker leads: it made the governor. After its death nobody looks unless this thread does.
  await ended(leader)
  const traffic = failing(governor)
  await until(governor, ({ shards }) => shards[3].level === 3, 'degradation by the next leader')
  await traffic.stop()
})

test('a leader that is blocked loses the lead after 3 s, keeps its permits, and is no second leader afterwards', async () => {
  const leader = await member({ options: { ...OPTIONS, isolation: { concurrency: 2 } } })
  using governor = Governor.attach(leader.handle, { shardOf })
  governor.pin(5, 2)
  await leader.tell({ do: 'hang', key: '5:', times: 2 })
  const blocked = leader.tell({ do: 'block', ms: 10_000 })
  const began = performance.now()
  const traffic = failing(governor)
  await until(governor, ({ shards }) => shards[3].level === 3, 'degradation by another leader')
  const took = performance.now() - began
  assert.ok(took > 1500, `the lease of a blocked thread lasts: ${took}`)
  await assert.rejects(
    governor.write('5:own', () => 1),
    { code: 'ERR_THREADMAP_SHARD_LIMITED' },
    'blocked is not dead',
  )
  await blocked
  const { transitions } = governor.snapshot()
  assert.deepEqual(
    transitions.filter(({ shard }) => shard === 3).map(({ from, to }) => [from, to]),
    [[0, 3]],
  )
  await traffic.stop()
  await ended(leader)
})

test('each thread hears of the transitions that any thread makes, and reads are joined across threads', async () => {
  using governor = new Governor(QUICK)
  const { handle } = governor
  const members = await Promise.all([1, 2].map(() => member({ handle })))
  const own: number[][] = []
  governor.on('transition', ({ shard, from, to }) => own.push([shard, from, to]))
  governor.pin(3, 2)
  await until(
    governor,
    () => own.length === 1 && members.every(({ transitions }) => transitions.length === 1),
    'events',
  )
  assert.deepEqual(own, [[3, 0, 2]])
  for (const { transitions } of members) assert.deepEqual(transitions, own)
  await Promise.all(members.map(each => each.tell({ do: 'join', key: '3:k' })))
  for (const { results } of members) assert.deepEqual(results, ['of worker 3:k'])
  const { shards } = governor.snapshot()
  assert.deepEqual([shards[3].operations, shards[3].joined], [1, 1])
  await ended(...members)
})

test('a governor keeps no program alive, and a disposed one lets its calls end', async () => {
  const governor = new Governor(QUICK)
  const call = governor.read('3:a', () => sleep(50, 'ended'))
  governor.dispose()
  assert.equal(await call, 'ended')
  await assert.rejects(
    governor.read('3:a', () => 1),
    { code: 'ERR_THREADMAP_DISPOSED' },
  )
  assert.throws(() => governor.snapshot(), { code: 'ERR_THREADMAP_DISPOSED' })
})
