import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLAIMS, hotRestarts } from '#mesh/rows/claims.js'
import { RowTable } from '#mesh/select/table.js'
import { measuredRow, wordsRow } from '../support/rows.js'

const judge = (id: number, ...rows: Parameters<typeof RowTable.prototype.with>[0][]) =>
  CLAIMS.find(claim => claim.id === id)!.judge(new RowTable(rows))

test('a run of hot restarts says no more than its number of requests allows', () => {
  assert.equal(hotRestarts(0, 1000).verdict, 'cannot tell')
  assert.match(hotRestarts(0, 1000).measured, /can tell shares from 0\.3% on/)
  // The rule of three: 250,000 requests without a failure exclude a share of 0.0012%.
  assert.equal(hotRestarts(0, 240_000).verdict, 'cannot tell')
  assert.equal(hotRestarts(0, 260_000).verdict, 'does not hold')
  assert.equal(hotRestarts(12, 1_000_000).verdict, 'holds')
  assert.equal(hotRestarts(3, 250_000).verdict, 'cannot tell')
  assert.equal(hotRestarts(500, 1_000_000).verdict, 'does not hold')
})

test('claims are judged by the rows of a run, and not without them', () => {
  for (const { id } of CLAIMS) assert.equal(judge(id), undefined)
  const reload = { ...measuredRow('envoy', 'fault-reload-failed', 1), value: 0, workload: 'reload; of 1,500 requests' }
  assert.equal(judge(2, reload)!.verdict, 'cannot tell')
  assert.equal(judge(1, measuredRow('envoy', 'revocation', 15))!.verdict, 'does not hold')
  assert.equal(judge(1, measuredRow('envoy', 'revocation', 90_000))!.verdict, 'cannot tell')
  assert.match(judge(4, measuredRow('envoy', 'cpu-per-request', 462, { noise: 0 }))!.measured, /3\.7 cores/)
  assert.equal(judge(7, wordsRow('envoy-istio', 'tls-versions', '1.2, 1.3'))!.verdict, 'does not hold')
  const pair = [measuredRow('envoy-istio', 'pss', 84), measuredRow('linkerd2-proxy', 'pss', 23)] as const
  assert.equal(judge(9, ...pair)!.verdict, 'holds')
  assert.equal(judge(9, pair[0], measuredRow('linkerd2-proxy', 'pss', 80))!.verdict, 'does not hold')
})

test('claims about Istio are judged by its control plane, and by the profile that is like it where it was not there', () => {
  const like = measuredRow('envoy-istio-like', 'pss', 84)
  const real = measuredRow('istiod', 'pss', 140)
  const linkerd = measuredRow('linkerd2-proxy', 'pss', 23)
  assert.match(judge(9, like, real, linkerd)!.measured, /, istiod 1\d\d/)
  assert.match(judge(9, like, linkerd)!.measured, /, envoy-istio-like 8/)
  assert.equal(judge(9, like, real), undefined)
})

test('the claim about 8,000 requests/s says what the pair carried here, where that was measured', () => {
  const cpu = measuredRow('envoy', 'cpu-per-request', 462, { noise: 0 })
  assert.doesNotMatch(judge(4, cpu)!.measured, /carried/)
  const capacity = { ...cpu, metric: 'capacity', unit: 'requests/s', value: 2400, values: [2400] }
  assert.match(judge(4, cpu, capacity)!.measured, /carried here were 2,?400 requests\/s/)
})

test('no claim is judged by published rows', () => {
  const published = { ...measuredRow('envoy', 'revocation', 15), tag: 'published' as const }
  assert.equal(judge(1, published), undefined)
})
