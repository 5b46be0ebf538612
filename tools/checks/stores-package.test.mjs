// The packed stores, installed without any of their peers into a project outside this repository.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../setup.mjs'
import { dependencies, install, node, pack, run } from './packed.mjs'

const description = JSON.parse(readFileSync(join(root, 'packages/stores/package.json'), 'utf8'))
const entries = Object.entries(description.exports).filter(([, entry]) => typeof entry === 'object')

const PROGRAM = `
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import { once } from 'node:events'
import { RateLimit } from '@threadmap/stores/rate-limit'

const limit = isMainThread ? new RateLimit({ limit: 10, window: 60_000 }) : RateLimit.attach(workerData)
let passed = 0
for (let i = 0; i < 8; i++) if (limit.check('user').allowed) passed++
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: limit.handle })
  const others = []
  worker.on('message', count => others.push(count))
  await once(worker, 'exit')
  console.log(passed, ...others)
} else {
  const { parentPort } = await import('node:worker_threads')
  parentPort.postMessage(passed)
}
`

let folder
let packed

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-stores-package-'))
  packed = Object.fromEntries(['threadmap', 'stores'].map(name => [name, pack(name, folder)]))
  writeFileSync(join(folder, 'package.json'), '{ "name": "scratch", "private": true, "type": "module" }')
  install(folder, [...Object.values(packed).map(({ tarball }) => tarball), ...dependencies(['stores'])])
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('the package has all its entries with their types, and brings no peer', () => {
  const { files } = packed.stores
  for (const [, entry] of entries) {
    for (const path of Object.values(entry)) assert.ok(files.includes(path.replace('./', '')), path)
  }
  assert.ok(
    files.every(file => /^(dist\/.*\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(file)),
    files.join(),
  )
  for (const peer of Object.keys(description.peerDependencies)) {
    assert.ok(description.peerDependenciesMeta[peer]?.optional, `${peer} is not optional`)
    assert.ok(description.devDependencies[peer] !== undefined || peer === 'next', `${peer} is not tested`)
    assert.ok(!existsSync(join(folder, 'node_modules', peer)), peer)
  }
})

test('publint has nothing to say', () => {
  node([join(root, 'node_modules/publint/src/cli.js'), 'run', packed.stores.tarball, '--strict'], folder)
})

test('attw: the types resolve as the code does', () => {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  node([attw, packed.stores.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'], folder)
})

test('an entry asks for its own peer at most, and for no other', () => {
  const peers = Object.keys(description.peerDependencies)
  for (const [name] of entries) {
    const specifier = `@threadmap/stores${name.slice(1)}`
    const { status, stderr } = run(['--input-type=module', '-e', `await import('${specifier}')`], folder)
    const asked = stderr.match(/Cannot find package '([^']+)'/)?.[1]
    assert.ok(status === 0 || asked !== undefined, stderr)
    if (asked === undefined) continue
    assert.ok(peers.includes(asked), `${specifier} asks for ${asked}`)
    const own = { './express-session': 'express-session', './prometheus': 'prom-client' }
    assert.equal(asked, own[name] ?? asked, specifier)
    assert.ok(/session|prometheus|rate-limit/.test(name), `${specifier} asks for ${asked}`)
  }
})

test('a store of the package works without its peer installed, which a bundler may have taken in', () => {
  const program = `
    import { KeyvSharedCache } from '@threadmap/stores/keyv'
    const store = new KeyvSharedCache({ max: 10 })
    await store.set('a', 'x')
    console.log(await store.get('a'))`
  assert.equal(node(['--input-type=module', '-e', program], folder), 'x\n')
})

test('a rate limit is one limit for two threads', () => {
  writeFileSync(join(folder, 'program.mjs'), PROGRAM)
  assert.equal(node(['program.mjs'], folder).trim(), '8 2')
})
