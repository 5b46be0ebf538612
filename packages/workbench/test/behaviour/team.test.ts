import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InterruptedError, SubjectError } from '@threadmap/workbench/errors'
import { createMap, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { mapBytes, maxBytesFor, noRoom, tooLarge } from '@threadmap/workbench/subjects/room'
import { PRIVATE, sharedSubject } from '@threadmap/workbench/subjects/subject'
import { SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { Team } from '@threadmap/workbench/threads/team'
import { KEY_LENGTH, userKeys, type Workload } from '@threadmap/workbench/workload'
import { string } from 'threadmap'
import type { MemberSetup, Order } from '../support/member.js'

const never = new AbortController().signal

function start(members: number, signal = never, refuse = false): Promise<Team<Order, number>> {
  const arrivals = new Int32Array(new SharedArrayBuffer(4))
  return Team.start<MemberSetup, Order, number>({
    name: 'the team',
    program: new URL('../support/member.js', import.meta.url),
    members,
    setup: () => ({ arrivals, refuse }),
    signal,
  })
}

function failsWith(message: RegExp): (error: unknown) => boolean {
  return error => error instanceof SubjectError && message.test(error.message) && !error.message.includes('\n')
}

test('nobody leaves the barrier before everybody has come, round after round, also with more threads than cores', async () => {
  const members = 5
  const team = await start(members)
  try {
    for (let round = 1; round <= 20; round++) {
      // No member comes to the next round before all have answered this one.
      assert.deepEqual(await team.ask('meet'), new Array(members).fill(round * members))
    }
  } finally {
    await team.stop()
  }
})

test('what goes wrong in a member fails the team by name, in one line', async () => {
  await assert.rejects(start(2, never, true), failsWith(/^the team failed: Error: not prepared$/))
  for (const [order, message] of [
    ['throw', /^the team failed: RangeError: out of range$/],
    ['exit', /^the team: a worker ended early, with code 3$/],
    ['hang', /^the team did not answer for 0\.2 s: it hangs, or is far too slow$/],
  ] as const) {
    const team = await start(2)
    try {
      await assert.rejects(
        team.askEach(index => (index === 0 ? 'meet' : order), order === 'hang' ? 0.2 : 60),
        failsWith(message),
      )
    } finally {
      await team.stop()
    }
  }
})

test('an interrupt ends the wait for a team at once, and its start', async () => {
  const controller = new AbortController()
  const team = await start(2, controller.signal)
  try {
    const asked = team.ask('hang')
    controller.abort(new InterruptedError())
    await assert.rejects(asked, InterruptedError)
  } finally {
    await team.stop()
  }
  await assert.rejects(start(2, controller.signal), InterruptedError)
})

const WORKLOAD: Workload = { keys: 100, reads: 90, zipf: 0, threads: 2, valueBytes: 8, churn: 0 }

test('a subject that does not find a key that is there gets no figure', async () => {
  const subject = sharedSubject('FastMap')
  const team = await SubjectTeam.start({ subject, threads: WORKLOAD.threads, signal: never })
  try {
    await team.prepare(WORKLOAD, sharedOperations(WORKLOAD, 1))
    const { rate, operations } = await team.round({ ms: 10 })
    assert.ok(rate > 0 && operations > 0)
    // Reads only, so that no write brings the deleted key back.
    const reading = { ...WORKLOAD, reads: 100 }
    await team.prepare(reading, sharedOperations(reading, 1))
    assert.ok((await team.round({ ms: 10 })).rate > 0)
    team.map?.delete(userKeys(1)[0])
    await assert.rejects(team.round({ ms: 10 }), failsWith(/^FastMap did not find \d+ keys that are in it$/))
  } finally {
    await team.stop()
  }
})

test('one team serves one workload after another, and times single operations where that is asked for', async () => {
  const team = await SubjectTeam.start({ subject: PRIVATE, threads: 2, signal: never })
  try {
    for (const workload of [WORKLOAD, { ...WORKLOAD, valueBytes: 40, churn: 50, reads: 50, zipf: 0.99 }]) {
      await team.prepare(workload, sharedOperations(workload, 1))
      const { latency, collector } = await team.round({ ms: 10, latency: true, collector: true })
      assert.ok(latency !== undefined && latency.count > 0 && latency.percentile(50) > 0)
      assert.ok(collector !== undefined)
    }
  } finally {
    await team.stop()
  }
})

test('what has no room is refused before a thread starts, and a store that needs more than the usual memory gets it', async () => {
  const maps = SAFE_KINDS.map(sharedSubject)
  const large = { ...WORKLOAD, keys: 20_000, valueBytes: 60_000 }
  assert.match(
    String(noRoom([...maps, PRIVATE], large, 2e9)),
    /subjects with 2 threads each need about .* GB .*give fewer keys/,
  )
  assert.equal(noRoom(maps, large, 64e9), undefined)
  assert.match(String(noRoom(maps, { ...large, keys: 90_000 }, 1e12)), /a map has at most 4 GiB; give fewer keys/)
  assert.match(String(noRoom([...maps, PRIVATE], { ...WORKLOAD, threads: 240 }, 4e9)), /; give fewer threads$/)
  assert.ok(tooLarge(PRIVATE, { ...large, keys: 200_000 })?.includes("V8's heap"))
  for (const kind of SAFE_KINDS) {
    // One byte fewer and more than the largest class, and values of pages.
    for (const valueBytes of [8, 100, 2008, 2009, 4100, 60_000]) {
      const keys = valueBytes > 2000 ? 300 : 3000
      const map = createMap<string, string>(kind, { key: string, value: string })
      for (const key of userKeys(keys)) map.set(key, 'v'.repeat(valueBytes))
      const { usedBytes } = map.stats()
      const bound = mapBytes(keys, KEY_LENGTH, valueBytes)
      assert.ok(usedBytes <= bound, `${kind} with ${valueBytes} B takes ${usedBytes}, more than ${bound}`)
      map[Symbol.dispose]()
    }
  }
  assert.equal(maxBytesFor(1e8), 2 ** 30)
  assert.equal(maxBytesFor(1.3e9), 2 ** 32)
})
