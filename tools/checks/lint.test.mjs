import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { root } from '../setup.mjs'

test('lint and format: biome check', () => {
  const biome = `${root}/node_modules/@biomejs/biome/bin/biome`
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'check', '--colors=off', '.'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, `${stderr}${stdout}\n\`npm run format\` repairs most of it`)
})
