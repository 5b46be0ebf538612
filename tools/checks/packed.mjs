// Packs packages, and installs them offline into a project outside this repository.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm } from '../install.mjs'
import { root } from '../setup.mjs'

/**
 * Packs a workspace into `folder`; returns the tarball's path and the files in it.
 * @param {string} workspace as `threadmap` or `lab`
 * @param {string} folder
 */
export function pack(workspace, folder) {
  const packed = npm(
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    join(root, 'packages', workspace),
  )
  assert.ok(packed.ok, packed.output)
  // npm prints a list of packages, or an object of packages by name, depending on its version.
  const [description] = Object.values(JSON.parse(packed.stdout))
  const files = description.files.map(file => file.path)
  return { tarball: join(folder, description.filename), files }
}

/** Installs tarballs into the project at `at`, without the network. */
export function install(at, tarballs) {
  const installed = npm(
    ['install', '--offline', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs],
    at,
  )
  assert.ok(installed.ok, installed.output)
}

/**
 * The folders of all packages that these workspaces depend on, at any depth, without the workspaces themselves. npm's cache has no
 * index of versions after `npm ci`, so a project without the network installs copies of the packages in this repository.
 * @param {string[]} workspaces
 */
export function dependencies(workspaces) {
  const found = new Set()
  const collect = description => {
    for (const name of Object.keys(description.dependencies ?? {})) {
      const folder = join(root, 'node_modules', name)
      if (name === 'threadmap' || name.startsWith('@threadmap/') || found.has(folder)) continue
      found.add(folder)
      collect(describe(folder))
    }
  }
  for (const workspace of workspaces) collect(describe(join(root, 'packages', workspace)))
  return [...found]
}

function describe(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** Runs Node with these arguments, and returns its exit status and output. */
export function run(args, cwd) {
  return spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    // The test runner's own variables would turn the program into a part of this run.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, FORCE_COLOR: undefined },
  })
}

/** Runs a script on Node and returns its output; an exit code other than 0 fails the test with that output. */
export function node(args, cwd) {
  const { status, signal, stdout, stderr } = run(args, cwd)
  assert.equal(status, 0, `node ${args.join(' ')}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
  return stdout
}
