import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf, shardOfHash } from '#governor/keys/hash.js'
import { HeavyKeeper } from '#governor/keys/heavy-keeper.js'
import { PUBLISHED } from '#governor/shared/layout.js'
import { Zipf } from '../support/zipf.js'

const KEYS = 100_000
const TOP = 20

/** Counts samples; `exact` gets the exact number of samples of each rank. */
function count(keeper: HeavyKeeper, zipf: Zipf, samples: number, name = 'user', exact = new Uint32Array(KEYS)): void {
  for (let i = 0; i < samples; i++) {
    const rank = zipf.next()
    const key = `${name}:${rank}`
    exact[rank]++
    keeper.add(key, hashOf(key), 0)
  }
}

/** The ranks with the largest counts. */
function largest(counts: Uint32Array): number[] {
  return [...counts.keys()].sort((a, b) => counts[b] - counts[a]).slice(0, TOP)
}

for (const theta of [0.8, 0.99, 1.2]) {
  for (const samples of [100_000, 1_000_000]) {
    test(`of ${KEYS} keys at zipf ${theta}, the top ${TOP} are found after ${samples} samples, with their shares`, t => {
      const seeds = samples === 100_000 ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 2]
      let found = 0
      let exactlyFound = 0
      let worst = 0
      let worstOfTruth = 0
      for (const seed of seeds) {
        const zipf = new Zipf(KEYS, theta, seed)
        const keeper = new HeavyKeeper(PUBLISHED, seed)
        const exact = new Uint32Array(KEYS)
        count(keeper, zipf, samples, 'user', exact)
        exactlyFound += largest(exact).filter(rank => rank < TOP).length
        for (const { key, count } of keeper.top().slice(0, TOP)) {
          const rank = Number(key.split(':')[1])
          if (rank < TOP) found++
          worst = Math.max(worst, Math.abs(count / exact[rank] - 1))
          worstOfTruth = Math.max(worstOfTruth, Math.abs(count / keeper.samples / zipf.shares[rank] - 1))
        }
      }
      const [recall, exactRecall] = [found, exactlyFound].map(number => number / TOP / seeds.length)
      t.diagnostic(
        `recall@${TOP} ${recall.toFixed(3)} (exact counts: ${exactRecall.toFixed(3)}); shares off by ${percent(worst)} from those of the samples, by ${percent(worstOfTruth)} from the law`,
      )
      assert.ok(recall >= 0.95)
      assert.ok(worst <= 0.2)
      // Of 100,000 samples a key with 0.2% has 200, and exact counts too are off by three times 7% now and then.
      if (samples > 100_000) assert.ok(worstOfTruth <= 0.2)
    })
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)}%`
}

test('what has gone cold is forgotten, what is hot now takes its place', () => {
  const keeper = new HeavyKeeper(PUBLISHED, 1)
  count(keeper, new Zipf(1000, 0.99, 1), 50_000, 'old')
  for (let halfLives = 0; halfLives < 10; halfLives++) {
    keeper.scale(0.5)
    count(keeper, new Zipf(1000, 0.99, 2), 10_000, 'new')
  }
  const top = keeper.top().slice(0, TOP)
  assert.deepEqual(new Set(top.map(({ key }) => key.split(':')[0])), new Set(['new']))
  for (let i = 0; i < 30; i++) keeper.scale(0.5)
  assert.deepEqual(keeper.top(), [])
  assert.ok(keeper.samples < 1)
})

test('the hash spreads keys evenly over shards, similar keys too', () => {
  for (const shards of [1, 3, 64, 4096]) {
    const counts = new Uint32Array(shards)
    for (let i = 0; i < shards * 1000; i++) counts[shardOfHash(hashOf(`user:${i}`), shards)]++
    // Five standard deviations of a thousand.
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 5.5 * Math.sqrt(1000), String(count))
  }
  assert.notEqual(hashOf('a\0'), hashOf('a'))
})
