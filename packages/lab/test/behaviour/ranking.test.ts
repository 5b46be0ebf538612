import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, quantile, spread } from '@threadmap/workbench/statistics'
import type { MapKind } from 'threadmap'
import { rank } from '#lab/wordcount/ranking.js'
import type { Result, Results } from '#lab/wordcount/results.js'
import type { Way } from '#lab/wordcount/subjects.js'

test('quantiles are interpolated', () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2)
  assert.equal(quantile([4, 1, 3, 2], 0.25), 1.75)
  assert.ok(Number.isNaN(quantile([], 0.5)))
})

test('a difference counts as such when most rounds agree on it, whatever the rounds differ by among themselves', () => {
  const ahead = compare([10, 5, 20], [9, 4.5, 18])
  assert.ok(Math.abs(ahead.ratio - 10 / 9) < 1e-9)
  assert.equal(ahead.beyondNoise, true)
  assert.equal(compare([10, 5, 20], [9, 6, 21]).beyondNoise, false)
  assert.equal(compare([9, 4.5, 18], [10, 5, 20]).beyondNoise, true)
})

test('which of two is compared with which makes no difference', () => {
  let state = 7
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return 1 + state / 2 ** 32
  }
  for (let round = 0; round < 300; round++) {
    const a = Array.from({ length: 1 + (round % 6) }, random)
    const b = a.map(random)
    const [there, back] = [compare(a, b), compare(b, a)]
    assert.equal(there.beyondNoise, back.beyondNoise, `${a} and ${b}`)
    assert.ok(Math.abs(there.ratio * back.ratio - 1) < 1e-9)
  }
})

test('of fewer than three rounds only large differences are believed', () => {
  assert.equal(compare([10, 10], [9, 9]).beyondNoise, false)
  assert.equal(compare([10], [8]).beyondNoise, true)
})

function result(name: string, way: Way, speed: number[], more: { memory?: number; lockWaits?: number } = {}): Result {
  const shared = way === 'shared'
  return {
    subject: {
      name,
      way,
      workers: name === 'UnsafeMap' || way === 'own' ? 1 : 2,
      ...(shared ? { kind: name as MapKind } : {}),
    },
    speed: spread(speed),
    relative: spread(speed),
    countingShare: spread(speed.map(() => 0.5)),
    cpu: spread(speed.map(() => 1)),
    memory: spread(speed.map(() => more.memory ?? 1e6)),
    ...(shared ? { retries: spread([0]), lockSleeps: spread([0]), lockWaits: spread([more.lockWaits ?? 0]) } : {}),
  }
}

function results(shared: Result[], merge: number[]): Results {
  const plain = result('plain Map, one thread', 'own', [3e6, 3e6, 3e6])
  const merged = result('plain Map each, merged', 'merge', merge)
  const messages = result('plain Map, by messages', 'messages', [2e6, 2e6, 2e6])
  return { all: [plain, merged, messages, ...shared], plain, merge: merged, messages, shared }
}

test('the fastest shared map is named, with what holds the others back', () => {
  const advice = rank(
    results(
      [
        result('UnsafeMap', 'shared', [9e6, 9e6, 9e6]),
        result('RWMutexMap', 'shared', [1e6, 1e6, 1e6], { lockWaits: 300_000 }),
        result('FastMap', 'shared', [6e6, 6e6, 6e6], { lockWaits: 20 }),
      ],
      [4e6, 4e6, 4e6],
    ),
    1e6,
  )
  assert.deepEqual(advice.use, ['FastMap'])
  const text = advice.reasons.join('\n')
  assert.match(text, /FastMap counted 6\.00 M words\/s with 2 workers, 2\.00x one thread with a plain Map/)
  assert.match(text, /RWMutexMap was 0\.17x as fast: 300,000 waits for a lock per million words \(FastMap 20\)/)
  assert.match(text, /merged at the end, was 0\.67x as fast/)
})

test('maps within the noise are named together, and memory tells them apart', () => {
  const advice = rank(
    results(
      [
        result('ShardedMap', 'shared', [6e6, 5e6, 6e6, 5e6], { memory: 9e6 }),
        result('FastMap', 'shared', [5e6, 6e6, 5e6, 7e6], { memory: 5e6 }),
      ],
      [8e6, 8e6, 8e6, 8e6],
    ),
    1e6,
  )
  assert.deepEqual([...advice.use].sort(), ['FastMap', 'ShardedMap'])
  const text = advice.reasons.join('\n')
  assert.match(text, /FastMap takes the least memory: 5\.0 MB, ShardedMap 9\.0 MB/)
  assert.match(text, /take that if nobody reads a count before the end/)
})

test('an UnsafeMap alone is no answer for threads', () => {
  assert.deepEqual(rank(results([result('UnsafeMap', 'shared', [9e6])], [1e6]), 1e6).use, [])
})
