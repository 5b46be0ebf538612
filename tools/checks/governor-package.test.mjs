// The packed governor, installed without the lab into a project outside this repository.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { npm } from '../install.mjs'
import { root } from '../setup.mjs'
import { dependencies, install, node, pack, run } from './packed.mjs'

const PROGRAM = `
import { Governor, prometheus } from '@threadmap/governor'
import { serve } from '@threadmap/governor/serve'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const governor = new Governor({ objective: { p99: 50 }, shards: 8 })
await governor.read('a', async () => 1)
const server = await serve(governor, { port: 0 })
console.log(prometheus(governor).includes('threadmap_governor_threads 1'))
console.log((await (await fetch(server.url)).text()).startsWith('<!doctype html>'))
const top = spawn(process.execPath, ['node_modules/threadmap/bin/threadmap.js', 'top', String(server.port), '--once'], { stdio: ['ignore', 'inherit', 'inherit'] })
const [code] = await once(top, 'close')
await server.close()
governor.dispose()
process.exit(code)
`

let folder
let packed

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-governor-package-'))
  packed = Object.fromEntries(['threadmap', 'governor'].map(name => [name, pack(name, folder)]))
  writeFileSync(join(folder, 'package.json'), '{ "name": "scratch", "private": true, "type": "module" }')
  install(folder, [...Object.values(packed).map(({ tarball }) => tarball), ...dependencies(['governor'])])
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('the package has the entries, the dashboard and the alerts, and nothing of the workbench', () => {
  const { files } = packed.governor
  for (const needed of [
    'dist/index.js',
    'dist/serve.js',
    'dist/opentelemetry.js',
    'monitoring/dashboard.json',
    'monitoring/alerts.yml',
  ]) {
    assert.ok(files.includes(needed), needed)
  }
  assert.ok(!existsSync(join(folder, 'node_modules/@threadmap/workbench')))
  assert.ok(!existsSync(join(folder, 'node_modules/@opentelemetry')))
})

test('attw: the types resolve as the code does', () => {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  const data = ['--exclude-entrypoints', 'dashboard.json', 'alerts.yml']
  node([attw, packed.governor.tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', ...data], folder)
})

test('a program serves its governor, and `threadmap top` shows it without the lab', () => {
  writeFileSync(join(folder, 'program.mjs'), PROGRAM)
  const lines = node(['program.mjs'], folder).split('\n')
  assert.deepEqual(lines.slice(0, 3), ['true', 'true', 'All 8 shards are normal.'])
  const asked = npm(['exec', '--offline', '--', 'threadmap', 'top', '--help'], folder)
  assert.ok(asked.ok, asked.output)
  assert.match(asked.stdout, /Usage: threadmap top/)
})

test('without @opentelemetry/api only its own module cannot be loaded', () => {
  const { status, stderr } = run(
    ['--input-type=module', '-e', "await import('@threadmap/governor/opentelemetry')"],
    folder,
  )
  assert.notEqual(status, 0)
  assert.match(stderr, /Cannot find package '@opentelemetry\/api'/)
})
