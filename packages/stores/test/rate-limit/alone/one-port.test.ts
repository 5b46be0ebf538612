// Four workers behind one port, and the three packages as people use them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Limits } from '@threadmap/stores/rate-limit'
import type { App } from '../../programs/limited-app.js'
import { OnePort } from '../../support/one-port.js'

const LIMIT = 1000
const REQUESTS = 1300
const CLIENTS = 24

for (const kind of ['express', 'fastify', 'flexible'] as const) {
  test(`${kind}: of ${REQUESTS} requests at four workers exactly ${LIMIT} pass`, async () => {
    using limits = new Limits()
    const passed = new Int32Array(new SharedArrayBuffer(4))
    const data: App = { kind, limits: limits.handle, limit: LIMIT, passed }
    await using service = await OnePort.start('limited-app', 4, data)
    const statuses = await service.hammer('/', REQUESTS, CLIENTS)
    assert.deepEqual(
      [...statuses].sort(),
      [
        [200, LIMIT],
        [429, REQUESTS - LIMIT],
      ],
      'no answer is anything else',
    )
    assert.equal(passed[0], LIMIT)
  })

  test(`${kind}: so they do when workers are killed in the middle`, async t => {
    using limits = new Limits()
    const passed = new Int32Array(new SharedArrayBuffer(4))
    const data: App = { kind, limits: limits.handle, limit: LIMIT, passed }
    await using service = await OnePort.start('limited-app', 4, data)
    const kills = [200, 600]
    const ends: Promise<number>[] = []
    const statuses = await service.hammer('/', REQUESTS, CLIENTS, answered => {
      if (answered !== kills[ends.length]) return
      ends.push(service.workers[ends.length].terminate())
    })
    await Promise.all(ends)
    const answered = statuses.get(200) ?? 0
    const broken = statuses.get(0) ?? 0
    // What a killed worker let pass and did not answer, and one check per worker that nobody heard of.
    assert.ok(passed[0] <= LIMIT && passed[0] >= LIMIT - ends.length, `${passed[0]} passed`)
    assert.ok(
      answered <= passed[0] && answered + broken >= passed[0],
      `${answered} answers, ${broken} broken connections`,
    )
    assert.equal(answered + broken + (statuses.get(429) ?? 0), REQUESTS)
    // Nobody else gets through.
    const more = await service.hammer('/', 20, 4)
    assert.deepEqual([...more], [[429, 20]])
    t.diagnostic(
      `${ends.length} workers killed: ${passed[0]} passed, ${answered} of them answered, ${broken} connections broke`,
    )
  })
}
