// Other versions of the peers of limits and metrics than this package was built for.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Limits } from '@threadmap/stores/rate-limit'

const DIST = new URL('../../../dist/', import.meta.url)
let folder: string
let dist: string

/** A project with a copy of this package, and packages of the peers' names that have too old a version and hardly any code. */
before(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'threadmap-limits-'))
  const at = join(folder, 'node_modules/@threadmap/stores')
  dist = join(at, 'dist')
  mkdirSync(dirname(at), { recursive: true })
  cpSync(fileURLToPath(DIST), dist, { recursive: true })
  cpSync(fileURLToPath(new URL('../package.json', DIST)), join(at, 'package.json'))
  symlinkSync(fileURLToPath(new URL('../../threadmap', DIST)), join(folder, 'node_modules/threadmap'), 'junction')
  const classes = ['Registry', 'Counter', 'Gauge', 'Histogram', 'Summary'].map(name => `exports.${name} = class {}`)
  old('express-rate-limit', '7.5.0', '')
  old('@fastify/rate-limit', '10.3.0', '')
  old('rate-limiter-flexible', '7.1.1', 'module.exports = { RateLimiterMemory: class extends class {} {} }')
  old('prom-client', '14.2.0', classes.join('\n'))
})

after(() => rmSync(folder, { recursive: true, force: true }))

function old(name: string, version: string, code: string): void {
  const at = join(folder, 'node_modules', name)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }))
  writeFileSync(join(at, 'index.js'), code)
}

const MODULES = {
  'rate-limit/express.js': [/express-rate-limit \^8\.0\.0, and finds express-rate-limit 7\.5\.0/, 'SharedStore'],
  'rate-limit/fastify.js': [/@fastify\/rate-limit \^11\.0\.0, and finds @fastify\/rate-limit 10\.3\.0/, 'sharedStore'],
  'rate-limit/flexible.js': [
    /rate-limiter-flexible \^11\.0\.0, and finds rate-limiter-flexible 7\.1\.1/,
    'RateLimiterShared',
  ],
  'prometheus/index.js': [/prom-client \^15\.1\.0, and finds prom-client 14\.2\.0/, 'SharedRegistry'],
} as const

for (const [file, [message, name]] of Object.entries(MODULES)) {
  test(`${name} refuses too old a peer with the version that is wanted and the one that is there`, async () => {
    const module = (await import(pathToFileURL(join(dist, file)).href)) as Record<
      string,
      new (
        options: object,
      ) => unknown
    >
    using limits = new Limits()
    const make = module[name] as unknown as ((options: object) => unknown) & (new (options: object) => unknown)
    const options = { limits: limits.handle, points: 1, duration: 1 }
    assert.throws(() => (name === 'sharedStore' ? make(options) : new make(options)), {
      name: 'PeerVersionError',
      message,
    })
  })
}

test('the limits themselves need none of these packages', async () => {
  const { RateLimit } = (await import(
    pathToFileURL(join(dist, 'rate-limit/index.js')).href
  )) as typeof import('@threadmap/stores/rate-limit')
  using limit = new RateLimit({ limit: 1, window: 60_000 })
  assert.deepEqual([limit.check('a').allowed, limit.check('a').allowed], [true, false])
})
