// Test runners give a program another `process`, another realm or another platform. The library must hear of deaths under them, too.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missing, run, Scratch } from '../scratch.mjs'

let scratch
let at

before(() => {
  if (missing('jest') && missing('vitest')) return
  scratch = new Scratch()
  at = scratch.project('tools/users/project')
})

after(() => scratch?.remove())

for (const environment of ['node', 'jsdom']) {
  test(`Jest, environment ${environment}: deaths of workers are heard`, async t => {
    const absent = missing('jest', 'jest-environment-jsdom')
    if (absent) return t.skip(absent)
    const { code, output } = await run(['node_modules/jest/bin/jest.js', `--env=${environment}`], at, {
      environment: { NODE_OPTIONS: '--experimental-vm-modules' },
    })
    assert.equal(code, 0, output)
    assert.match(output, /Tests: +1 passed/)
  })
}

for (const pool of ['threads', 'forks', 'vmThreads']) {
  test(`Vitest, pool ${pool}: deaths of workers are heard`, async t => {
    const absent = missing('vitest')
    if (absent) return t.skip(absent)
    const { code, output } = await run(
      ['node_modules/vitest/vitest.mjs', 'run', `--pool=${pool}`, 'src/map.spec.mjs'],
      at,
    )
    assert.equal(code, 0, output)
    assert.match(output, /Tests +1 passed/)
  })
}
