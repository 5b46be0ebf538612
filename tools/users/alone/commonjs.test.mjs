// A CommonJS project, in the ways that work by docs/commonjs.md, and in those that do not.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missing, run, Scratch } from '../scratch.mjs'

const [major, minor] = process.versions.node.split('.').map(Number)
const REQUIRES = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)
const absent = missing('jest', 'ts-jest', 'typescript')
const TSC = 'node_modules/typescript/bin/tsc'

let scratch
let at

before(() => {
  if (absent) return
  scratch = new Scratch()
  at = scratch.project('tools/users/typescript')
})

after(() => scratch?.remove())

test('TypeScript: node20 and nodenext compile, node16 asks for import()', async t => {
  if (absent) return t.skip(absent)
  for (const module of ['node20', 'nodenext']) {
    const { code, output } = await run([TSC, '--module', module, '--noEmit'], at)
    assert.equal(code, 0, output)
  }
  const { output } = await run([TSC, '--module', 'node16', '--noEmit'], at)
  assert.match(output, /TS1479/)
})

test('what TypeScript compiled runs by require()', async t => {
  if (absent) return t.skip(absent)
  if (!REQUIRES) return t.skip(`Node ${process.versions.node} cannot require() a module`)
  assert.equal((await run([TSC], at)).code, 0)
  const { code, output } = await run(['-e', "console.log(require('./out/hits.js').hits().get('a'))"], at)
  assert.equal(code, 0, output)
  assert.match(output, /^2$/m)
})

// ts-jest compiles the library anew each time, which takes some ten seconds: only with --full.
const CONFIGURATIONS = [
  ['commonjs', {}],
  ['esm', { NODE_OPTIONS: '--experimental-vm-modules' }],
]
for (const [how, environment] of process.env.THREADMAP_RUNTIMES === 'full' ? CONFIGURATIONS : []) {
  test(`ts-jest, ${how}: works as configured`, async t => {
    if (absent) return t.skip(absent)
    const { code, output } = await run(['node_modules/jest/bin/jest.js', '-c', `jest.${how}.json`], at, { environment })
    assert.equal(code, 0, output)
    assert.match(output, /Tests: +1 passed/)
  })
}
