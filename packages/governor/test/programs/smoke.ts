/**
 * What a governor must do on every runtime, in one program: two threads, all levels, copies, deaths. Ends with the line `ok`, or with an error.
 * Bun and Deno do not run Node's test runner in full.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CallStatus, Governor } from '@threadmap/governor'
import { serve } from '@threadmap/governor/serve'
import { FastMap, f64, json, string } from 'threadmap'
import { QUICK, until } from '../support/load.js'
import { member } from '../support/threads.js'

const governor = new Governor(QUICK)
const { handle } = governor

// The operations of two threads are counted together, and their keys are found.
const other = await member({ handle })
await other.tell({ do: 'read', key: '1:theirs', times: 300, every: 0 })
for (let i = 0; i < 300; i++) assert.equal(await governor.read('2:ours', () => i), i)
assert.equal(governor.snapshot().all.operations, 600)
await until(governor, ({ topKeys }) => topKeys.length === 2, 'the keys of both threads')

// Level 2: copies of hot keys, permits, refusals; transitions are told to both threads.
const told: number[] = []
governor.on('transition', ({ to }) => told.push(to))
governor.pin(2, 2)
await until(governor, () => told.length === 1 && other.transitions.length === 1, 'the transition')
const value = json<{ id: number }>()
const status: CallStatus = {}
for (let tries = 0; status.from !== 'copy'; tries++) {
  await governor.read('2:ours', () => ({ id: 7 }), { value, maxAge: 60_000, status })
  await sleep(10)
  assert.ok(tries < 3000, 'no copy of a hot key')
}
const waiting = [1, 2, 3, 4].map(() => governor.write('2:slow', () => sleep(200)))
await assert.rejects(
  governor.write('2:slow', () => 1),
  { code: 'ERR_THREADMAP_SHARD_LIMITED' },
)
await Promise.all(waiting)

// Level 3: the last good value and the fallback, and writes fail at once; but for a few calls that are let through.
governor.pin(3, 3)
await governor.read('3:a', () => 'good', { value: json<string>() })
const seen = new Set<unknown>()
for (let i = 0; i < 20; i++) {
  seen.add(await governor.read('3:a', () => 'good', { value: json<string>(), status }).then(() => status.from))
  seen.add(await governor.read('3:c', () => 'new', { fallback: () => 'instead' }))
  seen.add(await governor.write('3:b', () => 1).catch((error: { code: string }) => error.code))
}
for (const what of ['last good', 'instead', 'ERR_THREADMAP_SHARD_DEGRADED']) assert.ok(seen.has(what), what)

// A thread that dies gives its permits and its place back. In Deno no thread hears of a death.
if (process.versions.deno === undefined) {
  governor.pin(5, 2)
  await other.tell({ do: 'hang', key: '5:', times: 4 })
  await until(governor, ({ shards }) => shards[5].inFlight === 4, 'operations in flight')
  await other.worker.terminate()
  await until(governor, ({ threads, shards }) => threads === 1 && shards[5].inFlight === 0, 'the end of the thread')
  assert.equal(await governor.write('5:own', () => 'admitted'), 'admitted')
}

// A shard that fails is degraded by itself.
governor.unpin(3)
governor.pin(3, 0)
governor.unpin(3)
for (let i = 0; governor.snapshot().shards[4].level !== 3; i++) {
  await governor.read(`${i % 8}:x`, () => (i % 8 === 4 ? Promise.reject(new Error('down')) : i)).catch(() => {})
  if (i % 8 === 0) await sleep(2)
  assert.ok(i < 100_000, 'the failing shard is not degraded')
}

// A watched map, and what is shown.
const map = new FastMap({ key: string, value: f64 })
map.set('often', 1)
governor.watch(map, 'numbers')
await until(
  governor,
  ({ maps }) => {
    for (let i = 0; i < 5000; i++) map.get('often')
    return maps[0]?.topKeys[0]?.key === 'often'
  },
  'the keys of the map',
)
const server = await serve(governor, { port: 0 })
const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()
assert.match(metrics, /^threadmap_shard_level\{shard="4"\} 3$/m)
await server.close()
governor.dispose()
console.log('ok')
process.exit(0)
