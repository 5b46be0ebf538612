// The packed mesh, installed with the lab into a project outside this repository.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../setup.mjs'
import { dependencies, install, node, pack } from './packed.mjs'

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
  folder = mkdtempSync(join(tmpdir(), 'threadmap-mesh-package-'))
  packed = Object.fromEntries(
    ['threadmap', 'workbench', 'governor', 'lab', 'mesh'].map(name => [name, pack(name, folder)]),
  )
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('publint has nothing to say, and nothing of any build but its output is packed', () => {
  const { tarball, files } = packed.mesh
  node([join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'], folder)
  for (const needed of ['README.md', 'LICENSE']) assert.ok(files.includes(needed), `${needed} is missing`)
  const isOurs =
    /^(dist\/.*\.(js|d\.ts|d\.mts|proto)|proto\/[^/]+\.proto|published\/[^/]+\.yaml|package\.json|README\.md|LICENSE)$/
  assert.deepEqual(
    files.filter(file => !isOurs.test(file)),
    [],
  )
})

test('the command has the mesh where the mesh is installed', () => {
  const at = project('mesh', 'threadmap', 'workbench', 'governor', 'lab', 'mesh')
  const command = join(at, 'node_modules/@threadmap/lab/bin/threadmap.js')
  assert.match(node([command, 'mesh', '--help'], at), /install/)
  assert.match(node([command, 'mesh', 'advise', '--help'], at), /--require/)
})
