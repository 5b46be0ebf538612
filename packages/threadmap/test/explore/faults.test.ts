/** `npm run mutate` takes an hour; whether each planted fault can still be planted takes a moment. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ALL_KINDS } from '../support/kinds.js'
import { faults } from './faults.js'
import { layers } from './layers.js'
import { plant, root, sourceFile } from './plant.js'

test('the text of each planted fault stands in its file exactly once, and planting changes it', () => {
  for (const fault of faults) {
    const source = readFileSync(join(root, sourceFile(fault)), 'utf8')
    assert.notEqual(plant(fault, source), source, fault.name)
  }
})

test('each planted fault has a name of its own, and a map that is explored', () => {
  assert.equal(new Set(faults.map(({ name }) => name)).size, faults.length)
  for (const { name, maps } of faults) assert.ok([...ALL_KINDS, 'SharedCache'].includes(maps), `${name}: ${maps}`)
})

test('each layer of tests that a planted fault meets runs files that there are', () => {
  for (const { name, command } of layers) {
    const files = command(faults[0]!).filter(argument => argument.startsWith('build/'))
    assert.ok(files.length > 0, name)
    for (const file of files) assert.ok(existsSync(join(root, file)), `${name}: ${file}`)
  }
})
