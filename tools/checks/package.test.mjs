// The package as its users get it: packed, checked, and installed offline into a project outside this repository.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { npm } from '../install.mjs'
import { root } from '../setup.mjs'

const tsc = join(root, 'node_modules/typescript/bin/tsc')

let folder
let tarball
/** @type {string[]} */
let files

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-package-'))
  const packed = npm(
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    join(root, 'packages/threadmap'),
  )
  assert.ok(packed.ok, packed.output)
  // npm prints a list of packages, or an object of them by name: it depends on its version.
  const [description] = Object.values(JSON.parse(packed.stdout))
  files = description.files.map(file => file.path)
  tarball = join(folder, description.filename)
})

after(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a script of Node's and returns what it printed; anything but exit code 0 fails the test with that output. */
function node(args, cwd = folder) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    // The test runner's own variables would turn the program into a part of this run.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, FORCE_COLOR: undefined },
  })
  assert.equal(status, 0, `node ${args.join(' ')}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
  return stdout
}

function project(template) {
  const at = join(folder, template)
  cpSync(join(root, 'tools/checks', template), at, { recursive: true })
  const installed = npm(['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball], at)
  assert.ok(installed.ok, installed.output)
  return at
}

test('the package holds the library, its types and nothing else', t => {
  const entries = ['index', 'sync', 'guard', 'histogram'].flatMap(name => [`dist/${name}.js`, `dist/${name}.d.ts`])
  for (const needed of [...entries, 'package.json']) {
    assert.ok(files.includes(needed), `${needed} is missing in ${files.join(', ')}`)
  }
  const strangers = files.filter(file => !/^(dist\/.*\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(file))
  assert.deepEqual(strangers, [])
  t.diagnostic(`${files.length} files, ${(statSync(tarball).size / 1024).toFixed(1)} KiB packed`)
})

test('publint has nothing to say', () => {
  node([join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'])
})

test('attw: the types resolve as the code does', () => {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  node([attw, tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'])
})

test('a JavaScript project with a worker uses the packed library', () => {
  assert.equal(node(['main.mjs'], project('user-js')).trim(), 'ok 2000')
})

test('a strict TypeScript project infers its types, for Node and for a bundler, with library checks on', () => {
  const at = project('user-ts')
  // Offline: the declarations of Node come from here.
  symlinkSync(join(root, 'node_modules/@types'), join(at, 'node_modules/@types'), 'junction')
  symlinkSync(join(root, 'node_modules/undici-types'), join(at, 'node_modules/undici-types'), 'junction')
  node([tsc, '-p', 'tsconfig.bundler.json', '--pretty', 'false'], at)
  node([tsc, '-p', 'tsconfig.node.json', '--pretty', 'false'], at)
  assert.equal(node(['out/main.js'], at).trim(), 'ok')
})
