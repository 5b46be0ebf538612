import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contrast } from '@threadmap/workbench/statistics'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import {
  id,
  KEY_LENGTH,
  keyBytes,
  Operation,
  objectFor,
  operations,
  temporaryCount,
  userKeys,
  valueFor,
  type Workload,
  workloadText,
} from '@threadmap/workbench/workload'

const WORKLOAD: Workload = { keys: 1000, reads: 50, zipf: 0, threads: 2, valueBytes: 8, churn: 50 }

test('operations have the mix that was asked for, and insert only what is absent, remove only what is there', () => {
  const list = operations(WORKLOAD, 0, 1)
  const share = (operation: number) => list.filter(each => (each & 3) === operation).length / list.length
  assert.ok(Math.abs(share(Operation.get) - 0.5) < 0.02)
  assert.ok(Math.abs(share(Operation.update) - 0.25) < 0.02)
  const count = temporaryCount(WORKLOAD)
  const present = new Set(Array.from({ length: count / 2 }, (_, i) => i))
  for (const each of list) {
    const index = each >>> 2
    if ((each & 3) === Operation.insert) {
      assert.ok(!present.has(index), 'inserted twice')
      present.add(index)
    } else if ((each & 3) === Operation.remove) {
      assert.ok(present.delete(index), 'removed what is not there')
    } else {
      assert.ok(index < WORKLOAD.keys)
    }
  }
  assert.notDeepEqual(operations(WORKLOAD, 1, 1), list)
  assert.deepEqual(operations(WORKLOAD, 0, 1), list)
})

test('a Zipf workload prefers few keys, a uniform one none', () => {
  const hottest = (zipf: number) =>
    operations({ ...WORKLOAD, zipf, churn: 0 }, 0, 1).filter(each => each >>> 2 < WORKLOAD.keys / 100).length / 32_768
  assert.ok(hottest(0.99) > 0.3, String(hottest(0.99)))
  assert.ok(Math.abs(hottest(0) - 0.01) < 0.005, String(hottest(0)))
})

test('keys are distinct, and values as long as they should be', () => {
  assert.equal(new Set(userKeys(1_000_000)).size, 1_000_000)
  assert.equal(userKeys(1, 899_999)[0].length, KEY_LENGTH)
  assert.equal(userKeys(1, 900_000)[0].length, KEY_LENGTH + 1)
  const ids = Array.from({ length: 300 }, (_, i) => [i, 899_900 + i, 9_899_900 + i].map(id)).flat()
  assert.equal(new Set(ids).size, ids.length)
  assert.throws(() => keyBytes(1, 900_000), RangeError)
  assert.equal((valueFor(3, 64) as string).length, 64)
  assert.notEqual(valueFor(3, 64), valueFor(4, 64))
})

test('what is sure but tiny does not differ, nor what is large and unsure', () => {
  assert.equal(contrast([1.01, 1.01, 1.01], [1, 1, 1]).differs, false)
  assert.equal(contrast([0.5, 2, 3, 0.4], [1, 1, 1, 1]).differs, false)
  assert.equal(contrast([1.5, 1.4, 1.6], [1, 1, 1]).differs, true)
})

test('objects have about the asked size as JSON, and are stored as such', async () => {
  for (const bytes of [64, 200, 512, 16_384]) {
    const { length } = JSON.stringify(objectFor(123, bytes))
    assert.ok(Math.abs(length - bytes) <= 4, `${length} for ${bytes}`)
  }
  const workload = { keys: 50, reads: 50, zipf: 0, threads: 1, valueBytes: 64, churn: 0, valueType: 'objects' } as const
  assert.match(workloadText(workload), /objects of 64 B/)
  assert.match(workloadText({ ...workload, valueBytes: 8 }), /numbers/)
  const team = await SubjectTeam.start({
    subject: sharedSubject('FastMap'),
    threads: 1,
    signal: new AbortController().signal,
  })
  try {
    await team.prepare(workload, sharedOperations(workload, 1))
    assert.equal(typeof team.map?.get(userKeys(1)[0]), 'object')
    const { operations } = await team.round({ ms: 5 })
    assert.ok(operations > 0)
    assert.equal(typeof team.map?.get(userKeys(1)[0]), 'object')
  } finally {
    await team.stop()
  }
})
