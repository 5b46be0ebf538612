// The packed stores and the packed mesh, each installed into a project outside this repository, without any package that they plug into.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../setup.mjs'
import { dependencies, install, node, pack } from './packed.mjs'

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
/** @type {Record<string, { tarball: string, files: string[] }>} */
let packed

/** A project with these packages in it. */
function project(name, ...workspaces) {
  const at = join(folder, name)
  mkdirSync(at)
  writeFileSync(join(at, 'package.json'), '{ "name": "scratch", "private": true, "type": "module" }')
  install(at, [...workspaces.map(each => packed[each].tarball), ...dependencies(workspaces)])
  return at
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-stores-package-'))
  packed = Object.fromEntries(
    ['threadmap', 'workbench', 'governor', 'lab', 'stores', 'mesh'].map(name => [name, pack(name, folder)]),
  )
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('publint has nothing to say, and nothing of any build but its output is packed', () => {
  for (const { tarball, files } of [packed.stores, packed.mesh]) {
    node([join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'], folder)
    for (const needed of ['README.md', 'LICENSE']) assert.ok(files.includes(needed), `${needed} is missing`)
    const isOurs = /^(dist\/.*\.(js|d\.ts|d\.mts|proto)|published\/[^/]+\.yaml|package\.json|README\.md|LICENSE)$/
    assert.deepEqual(
      files.filter(file => !isOurs.test(file)),
      [],
    )
  }
})

test('a rate limit of the stores is one limit for two threads, and none of the peers is installed', () => {
  const at = project('stores', 'threadmap', 'stores')
  writeFileSync(join(at, 'program.mjs'), PROGRAM)
  assert.equal(node(['program.mjs'], at).trim(), '8 2')
  assert.ok(!existsSync(join(at, 'node_modules/keyv')))
})

test('the command has the mesh where the mesh is installed', () => {
  const at = project('mesh', 'threadmap', 'workbench', 'governor', 'lab', 'mesh')
  const command = join(at, 'node_modules/@threadmap/lab/bin/threadmap.js')
  assert.match(node([command, 'mesh', '--help'], at), /install/)
  assert.match(node([command, 'mesh', 'advise', '--help'], at), /--require/)
})
