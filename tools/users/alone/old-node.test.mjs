// The packed library on the oldest Node that it supports, and on one without process.getBuiltinModule.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { root } from '../../setup.mjs'
import { run, Scratch } from '../scratch.mjs'

const VERSIONS = ['20.0', '20.9']

function find(version) {
  const suffix = process.arch === 'arm64' ? '-arm64' : ''
  return join(root, `tools/runtimes/node_modules/node${version.replace('.', '-')}${suffix}/bin/node`)
}

let scratch
let at

before(() => {
  if (!VERSIONS.some(version => existsSync(find(version)))) return
  scratch = new Scratch()
  at = scratch.project('tools/users/project')
})

after(() => scratch?.remove())

for (const version of VERSIONS) {
  test(`Node ${version}: deaths of workers are heard`, async t => {
    const program = find(version)
    if (!existsSync(program)) return t.skip(`Node ${version} is not installed (npm ci in tools/runtimes)`)
    const source = "import('./src/deaths.mjs').then(({ kill }) => kill(6)).then(left => console.log('left', ...left))"
    const { code, output } = await run(['-e', source], at, { program })
    assert.equal(code, 0, output)
    assert.match(output, /^left 1$/m)
  })
}
