// The stores with what the workspace has no place for: Keyv's own test suite, and peers that need a newer Node than 20.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing, newerNode, run } from './run.mjs'

const newer = newerNode()
const NO_NODE = newer === undefined && 'it needs Node 22.19, and tools/runtimes has none'

/** The tests of Keyv's suite with their outcomes. */
function suite(node, keyv) {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--root', '.', 'keyv.spec.mjs', '--reporter=json']
  const failing = keyv === 'keyv' ? 0 : 1
  const { testResults } = JSON.parse(run(node, args, { env: { THREADMAP_KEYV: keyv }, status: failing }))
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults)
  return { passed: tests.filter(({ status }) => status === 'passed').length, all: tests }
}

test("Keyv 5: @keyv/test-suite, all of it, with the iterator's tests", {
  skip: missing('@keyv/test-suite', 'keyv', 'vitest'),
}, t => {
  const { passed, all } = suite(process.execPath, 'keyv')
  assert.equal(passed, all.length)
  assert.ok(passed >= 42)
  t.diagnostic(`${passed} of ${all.length}`)
})

test("Keyv 6: the same suite, but for the test that wants Keyv 5's result of deleteMany", {
  skip: missing('@keyv/test-suite', 'keyv-6', 'vitest') || NO_NODE,
}, t => {
  const { passed, all } = suite(newer, 'keyv-6')
  const others = all.filter(({ status }) => status !== 'passed').map(({ title }) => title)
  // Keyv 6 declares an array with one result for each key, and the suite is for Keyv 5, which returns one for all.
  assert.deepEqual(others, ['.deleteMany([keys]) with nonexistent keys resolves to false'])
  assert.ok(passed >= 41)
  t.diagnostic(`${passed} of ${all.length}`)
})

test('Keyv 6 uses the adapter as one of its own, in two workers', { skip: missing('keyv-6') || NO_NODE }, () => {
  assert.equal(run(newer, ['keyv-6.mjs']), 'ok\n')
})

test('undici 8: what one worker has fetched over HTTP, the other one has', {
  skip: missing('undici-8') || NO_NODE,
}, () => {
  assert.equal(run(newer, ['undici-8.mjs']), 'ok\n')
})
