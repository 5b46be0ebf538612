// Runs programs of this folder on a Node that a peer needs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../setup.mjs'

export const folder = join(root, 'tools/peers')

/** Why a test with these packages is skipped; false if they are all installed. */
export function missing(...names) {
  const name = names.find(each => !existsSync(join(folder, 'node_modules', each)))
  return name === undefined ? false : `${name} is not installed in tools/peers`
}

/** A Node that takes Keyv 6 and undici 8, which need 22.19: this one, or one of tools/runtimes; undefined if there is none. */
export function newerNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath
  const suffix = process.arch === 'arm64' ? '-arm64' : ''
  return ['node24', 'node26', 'node22']
    .map(name => join(root, 'tools/runtimes/node_modules', name + suffix, 'bin/node'))
    .find(existsSync)
}

/** Runs Node with these arguments in this folder; an exit code other than `status` fails the test with the output. */
export function run(program, args, { env = {}, status = 0 } = {}) {
  const result = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 300_000,
    // The test runner's own variables would turn the program into a part of this run.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, FORCE_COLOR: undefined, ...env },
  })
  assert.equal(
    result.status,
    status,
    `${args.join(' ')}: ${result.signal ?? `exit code ${result.status}`}\n${result.stdout}${result.stderr}`,
  )
  return result.stdout
}
