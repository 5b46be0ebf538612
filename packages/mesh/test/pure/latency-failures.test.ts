import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureFindings, type Rounds } from '#mesh/experiments/latency-failures.js'

interface Round {
  readonly p99: number
  readonly timedOut?: number
  readonly status?: number
}

/** A target of which each round had 600 requests. */
function target(name: string, rounds: readonly Round[]): Rounds {
  const steps = rounds.map(({ p99, timedOut = 0, status = 0 }) => ({
    requests: 600,
    success: 1 - (timedOut + status) / 600,
    failures: { timedOut, refused: 0, closed: 0, status, other: 0 },
    latency: { p99 },
  }))
  return { name, steps } as unknown as Rounds
}

test('requests that failed are named with their kinds, their rounds, and what the direct connection had in these', () => {
  const direct = target('direct', [{ p99: 5 }, { p99: 1890 }, { p99: 12 }])
  const envoy = target('envoy', [{ p99: 9 }, { p99: 5268, timedOut: 56 }, { p99: 20, status: 2 }])
  const nginx = target('nginx', [{ p99: 9 }, { p99: 900 }, { p99: 20 }])
  assert.deepEqual(failureFindings([direct, envoy, nginx], direct), [
    "envoy: 58 requests failed (56 x no answer for 5 s, 2 x status of 400 or above) in rounds 2, 3 of 3, in which the direct connection's P99 was 1890 ms, 12 ms.",
  ])
})

test('without failures there is nothing to say', () => {
  const direct = target('direct', [{ p99: 5 }])
  assert.deepEqual(failureFindings([direct], direct), [])
})
