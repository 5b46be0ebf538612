import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWarm } from '#lab/experiments/hash/index.js'

test('a warm-up lasts until rounds stop getting faster, and ends on a noisy machine, too', () => {
  const cooling = [400, 390, 300, 210, 150, 120, 100, 91, 85]
  for (let n = 1; n <= cooling.length; n++) assert.equal(isWarm(cooling.slice(0, n)), false, `${n} rounds`)
  assert.equal(isWarm([...cooling, 84, 85, 84, 86]), false)
  assert.equal(isWarm([...cooling, 84, 85, 84, 86, 85]), true)
  assert.equal(isWarm([...cooling, 84, 400, 84, 300, 85]), true, 'a disturbance does not begin it anew')
  assert.equal(isWarm(Array.from({ length: 100 }, (_, i) => 0.9 ** i)), true, 'at most a hundred rounds')
})
