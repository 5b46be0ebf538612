/** The smoke test on Bun and Deno, and on this Node, to show that the test itself is sound. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { run } from '../run.js'
import { type Found, findBun, findDeno, packageFolder } from '../runtimes.js'
import type { Result } from '../smoke.js'

/** Milliseconds for the whole smoke test on a busy machine. */
const LIMIT = 600_000
const program = join(packageFolder, 'build/test/runtimes/smoke-main.js')

async function smokeOn(t: TestContext, found: Found, args: string[], environment: NodeJS.ProcessEnv = {}) {
  if ('missing' in found) return t.skip(found.missing)
  const version = await run(found.path, ['--version'], LIMIT)
  t.diagnostic(version.output.split('\n')[0]!)
  const { code, signal, output } = await run(found.path, [...args, program], LIMIT, environment)
  const line = output.match(/^results (.*)$/m)?.[1]
  assert.ok(line && code === 0, `${signal ?? `exit code ${code}`}\n${output}`)
  await report(t, JSON.parse(line))
}

async function report(t: TestContext, results: Result[]) {
  assert.ok(results.length > 1)
  for (const { name, error } of results) await t.test(name, () => assert.ok(error === undefined, error))
}

test('this Node: smoke test', t => smokeOn(t, { path: process.execPath }, []))

test('Bun: smoke test', t => smokeOn(t, findBun(), []))

test('Deno: smoke test', t =>
  smokeOn(t, findDeno(), ['run', '--allow-all', '--no-lock', '--cached-only'], {
    DENO_NO_UPDATE_CHECK: '1',
    DENO_DIR: join(packageFolder, 'build/deno'),
  }))
