/** `onEvict` among threads: each hears of what it evicted itself, whoever set it; together they hear of every key. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { CachingJobs } from '../../programs/caching.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<CachingJobs>('caching')
const KEYS = 3000

test('three threads with listeners hear of each evicted key once, and the thread that evicts nothing of none', async () => {
  const told: string[] = []
  using cache = new SharedCache({ key: string, value: string, max: 200, onEvict: key => told.push(key) })
  const task = { cache: cache.handle, keys: KEYS, throws: false }
  const reports = await run(team('evicting', [task, task, task]))
  const heard = reports.flatMap(report => report.told)
  const all = new Set(heard)
  assert.equal(all.size, heard.length, 'none is heard of twice')
  assert.equal(heard.length, cache.stats().evicted)
  assert.equal(heard.length + cache.size, 3 * KEYS)
  for (const key of cache.keys()) assert.ok(!all.has(key), `${key} is there`)
  assert.deepEqual(told, [])
  // Each evicts what others have set as well.
  reports.forEach((report, worker) => {
    assert.ok(
      report.told.some(key => !key.startsWith(`${worker}:`)),
      `worker ${worker} has evicted its own keys alone`,
    )
  })
})

test('an error of a listener is an uncaught one of its thread, and the other keys are heard of all the same', async () => {
  using cache = new SharedCache({ key: string, value: string, max: 10 })
  const [report] = await run(team('evicting', [{ cache: cache.handle, keys: 50, throws: true }]))
  assert.deepEqual(report!.uncaught, ['of the listener'])
  assert.equal(report!.told.length, 40)
  assert.equal(cache.size, 10)
})
