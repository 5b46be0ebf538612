import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type GuardReport, guard } from 'threadmap/guard'

/** The example http-cart.mjs, with real requests. */
interface Example {
  serve(carts: Map<string, unknown>): Server
  shop(origin: string, handler: string, user: string): Promise<{ item: string }[]>
}

const path = fileURLToPath(new URL('../../../../../examples/http-cart.mjs', import.meta.url))
const reports: GuardReport[] = []
let example: Example
let server: Server
let origin: string

before(async () => {
  example = (await import(path)) as Example
  server = example.serve(guard(new Map(), { name: 'carts', onReport: report => reports.push(report) }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

after(() => {
  server.closeAllConnections()
  server.close()
})

test('the handler that reads before the await loses items, and the guard names both places', async () => {
  const cart = await example.shop(origin, 'wrong', 'ada')
  assert.ok(cart.length < 4)
  assert.ok(reports.length > 0)
  for (const report of reports) {
    assert.equal(report.kind, 'lost-update')
    assert.equal(report.key, 'ada')
    assert.match(report.read.stack, /addWrong .*http-cart\.mjs/)
    assert.match(report.act.stack, /addWrong .*http-cart\.mjs/)
  }
})

test('the handler that reads after the await loses nothing, and the guard is silent: also over kept-alive connections', async () => {
  reports.length = 0
  for (let round = 0; round < 5; round++) {
    await Promise.all(
      ['bob', 'eve', 'mia'].map(async user => {
        const cart = await example.shop(origin, 'right', `${user}${round}`)
        assert.deepEqual(cart.map(({ item }) => item).sort(), ['apples', 'bread', 'milk', 'tea'])
      }),
    )
  }
  assert.deepEqual(reports, [])
})
