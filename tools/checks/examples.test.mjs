// Runs the programs in examples/ by the commands in their first lines.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../setup.mjs'

/** The output of each program. http-cart.mjs has a test with the guard's tests, stores/http-api.mjs one with the stores', and the page has one in a browser. */
const PRINTS = {
  'http-counter.mjs': /^\{"\/":134,"\/about":133,"\/prices":133\}\n$/,
  'memoize-piscina.mjs': /^400 answers, 20 different, computed 20 times\n$/,
  'stores/keyv.mjs': /^first worker: computed by the first worker\nsecond worker: computed by the first worker\n$/,
  'stores/unstorage.mjs': /^users:ada, users:bob\n\{ name: 'ada', by: 'a worker' \}\n$/,
  'stores/undici.mjs': /^first worker: the prices\nsecond worker: the prices\nthe server was asked 1 time\n$/,
  'stores/sessions.mjs': /^first worker: view 1 of this visitor\nsecond worker: view 2 of this visitor\n$/,
  'governor.mjs':
    /^tenant 3: level 0 -> 1\. The P99 was [\s\S]*isolated: tenant 3 is a slow shard\n[\s\S]*well again: \d+ served, \d+ refused, all of tenant 3\n$/,
  'build/configuration.js': /requestsPerSecond: 10, .*\n.*requestsPerSecond: 50, paths: \[ '\/', '\/api' \] \}\n$/,
}

for (const [file, expected] of Object.entries(PRINTS)) {
  test(`examples/${file} prints what it should`, () => {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [join(root, 'examples', file)], {
      encoding: 'utf8',
      timeout: 200_000,
      // The test runner's own variables would turn the program into a part of this run.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined },
    })
    assert.equal(status, 0, `${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
    assert.match(stdout, expected)
  })
}

test('examples/http-cache.mjs: one cache for all workers saves backend calls that a cache in each makes', () => {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'examples/http-cache.mjs'), '500'],
    {
      encoding: 'utf8',
      timeout: 200_000,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined },
    },
  )
  assert.equal(status, 0, `${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
  const calls = [
    ...stdout.matchAll(
      /^(.+): 500 answers, (\d+) backend calls, hit ratio [\d.]+%, P50 [\d.]+ ms, P99 [\d.]+ ms, memory [\d.]+ MB, [\d.]+ MB of it shared$/gm,
    ),
  ]
  assert.deepEqual(
    calls.map(([, kind]) => kind),
    ['no cache', 'lru-cache per worker', 'SharedCache'],
    stdout,
  )
  const [none, each, shared] = calls.map(([, , count]) => Number(count))
  assert.equal(none, 500)
  assert.ok(shared < each * 0.95 && each < none, stdout)
})

test('no example is without a test', () => {
  const names = folder => readdirSync(join(root, 'examples', folder)).map(name => join(folder, name))
  const sources = ['', 'stores'].flatMap(names).filter(name => /\.(mjs|ts)$/.test(name))
  const tested = [
    ...Object.keys(PRINTS).map(name => name.replace(/^build\/(.*)\.js$/, '$1.ts')),
    'http-cart.mjs',
    'http-cache.mjs',
    'stores/http-api.mjs',
  ]
  assert.deepEqual(sources.sort(), tested.sort())
})
