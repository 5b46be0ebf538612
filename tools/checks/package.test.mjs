// The packed library: checked, and installed offline into a project outside this repository as users install it.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../setup.mjs'
import { install, node as nodeIn, pack, run } from './packed.mjs'

const node = (args, cwd = folder) => nodeIn(args, cwd)
const tsc = join(root, 'node_modules/typescript/bin/tsc')

let folder
let tarball
/** @type {string[]} */
let files

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-package-'))
  ;({ tarball, files } = pack('threadmap', folder))
})

after(() => rmSync(folder, { recursive: true, force: true }))

function project(template) {
  const at = join(folder, template)
  cpSync(join(root, 'tools/checks', template), at, { recursive: true })
  install(at, [tarball])
  return at
}

test('the package holds the library, its types and nothing else', t => {
  const entries = ['index', 'sync', 'guard', 'histogram', 'dump', 'watch'].flatMap(name => [
    `dist/${name}.js`,
    `dist/${name}.d.ts`,
  ])
  for (const needed of [...entries, 'bin/threadmap.js', 'package.json', 'README.md', 'LICENSE']) {
    assert.ok(files.includes(needed), `${needed} is missing in ${files.join(', ')}`)
  }
  const strangers = files.filter(
    file => !/^(bin\/threadmap\.js|dist\/.*\.(js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(file),
  )
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
  // There is no network, so the declarations of Node come from this repository.
  symlinkSync(join(root, 'node_modules/@types'), join(at, 'node_modules/@types'), 'junction')
  symlinkSync(join(root, 'node_modules/undici-types'), join(at, 'node_modules/undici-types'), 'junction')
  node([tsc, '-p', 'tsconfig.bundler.json', '--pretty', 'false'], at)
  node([tsc, '-p', 'tsconfig.node.json', '--pretty', 'false'], at)
  assert.equal(node(['out/main.js'], at).trim(), 'ok')
})

test('where the lab is not installed, the command says what installs it', () => {
  const bin = join(project('user-js'), 'node_modules/threadmap/bin/threadmap.js')
  const { status, stdout, stderr } = run([bin, 'lab'], folder)
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /^threadmap: .*npm install --save-dev @threadmap\/lab\n$/)
})
