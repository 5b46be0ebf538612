import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('examples/stores/http-api.mjs: one limit, one registry and one cache for four workers', () => {
  const program = fileURLToPath(new URL('../../../../../examples/stores/http-api.mjs', import.meta.url))
  // 45 requests of each of 20 clients, who may send 40.
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, '900'], {
    encoding: 'utf8',
    timeout: 300_000,
    // The test runner's own variables would turn the program into a part of this run.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined },
  })
  assert.equal(status, 0, `${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
  const lines = [
    ...stdout.matchAll(
      /^(.+): (\d+) passed, (\d+) refused, (\d+) failed, (\d+) asked of the origin, (\S+) in a scrape, P50 [\d.]+ ms, P99 [\d.]+ ms, [\d.]+ s of processor time$/gm,
    ),
  ].map(([, kind, ...counts]) => [kind, ...counts.map(Number)] as const)
  assert.deepEqual(
    lines.map(([kind]) => kind),
    ['without', 'per worker', 'shared'],
    stdout,
  )
  const [without, perWorker, shared] = lines.map(([, passed, refused, failed, asked, scraped]) => ({
    passed,
    refused,
    failed,
    asked,
    scraped,
  }))
  assert.deepEqual({ ...without, scraped: 0 }, { passed: 900, refused: 0, failed: 0, asked: 900, scraped: 0 })
  assert.deepEqual({ ...shared, asked: 0 }, { passed: 800, refused: 100, failed: 0, asked: 0, scraped: 900 })
  assert.ok(shared.asked < 900, stdout)
  // A limit per worker lets more pass, and one worker knows its own part only.
  assert.ok(perWorker.passed > 800 && perWorker.scraped < 900, stdout)
})
