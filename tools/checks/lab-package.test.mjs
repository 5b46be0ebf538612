// The packed lab, with the packages that it needs, installed into a project outside this repository as users install them.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { npm } from '../install.mjs'
import { root } from '../setup.mjs'
import { dependencies, install, node, pack } from './packed.mjs'

let folder
let project
/** @type {Record<string, { tarball: string, files: string[] }>} */
let packed

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'threadmap-lab-package-'))
  packed = Object.fromEntries(['threadmap', 'workbench', 'governor', 'lab'].map(name => [name, pack(name, folder)]))
  project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "scratch", "private": true, "type": "module" }')
  const tarballs = Object.values(packed).map(({ tarball }) => tarball)
  install(project, [...tarballs, ...dependencies(['workbench', 'governor', 'lab'])])
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('publint has nothing to say about the workbench, the governor and the lab', () => {
  for (const { tarball } of [packed.workbench, packed.governor, packed.lab]) {
    node([join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'], folder)
  }
})

test('each package has a page for its readers, and its licence', () => {
  for (const [name, { files }] of Object.entries(packed)) {
    for (const needed of ['README.md', 'LICENSE']) assert.ok(files.includes(needed), `${needed} is missing in ${name}`)
  }
})

test('the sources of the Go program are in the workbench, and nothing of any build but its output', () => {
  for (const file of readdirSync(join(root, 'packages/workbench/go'))) {
    assert.ok(packed.workbench.files.includes(`go/${file}`), file)
  }
  for (const { files } of [packed.workbench, packed.governor, packed.lab]) {
    const strangers = files.filter(
      file =>
        !/^(bin\/.*\.js|dist\/.*\.(js|d\.ts)|go\/[^/]+|monitoring\/[^/]+\.(json|yml)|package\.json|README\.md|LICENSE)$/.test(
          file,
        ),
    )
    assert.deepEqual(strangers, [])
  }
})

test('the command runs as npx runs it, and measures with the packages that were packed', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'packages/lab/package.json'), 'utf8'))
  const asked = npm(['exec', '--offline', '--', 'threadmap', '--version'], project)
  assert.ok(asked.ok, asked.output)
  assert.equal(asked.stdout.trim(), version)
  const command = join(project, 'node_modules/@threadmap/lab/bin/threadmap.js')
  node([command, 'lab', 'sharing', '--quick', '--workers', '2', '--out', 'run'], project)
  node([command, 'report', 'run'], project)
  assert.ok(existsSync(join(project, 'run/report.html')))
})

test("the library's own name leads to the lab where it is installed", () => {
  const bin = join(project, 'node_modules/threadmap/bin/threadmap.js')
  assert.match(node([bin, 'lab', '--list'], project), /^mix /m)
})

test('a program uses the lab and the workbench by their names', () => {
  const program = `
    import { EXPERIMENTS, FOLKLORE, runLab } from '@threadmap/lab'
    import { spread } from '@threadmap/workbench/statistics'
    import { Histogram } from 'threadmap/histogram'
    const latency = new Histogram()
    latency.record(5)
    console.log(typeof runLab, EXPERIMENTS.length > 5, FOLKLORE.length, spread([1, 2, 3]).median, latency.count)
  `
  writeFileSync(join(project, 'program.js'), program)
  assert.equal(node(['program.js'], project).trim(), 'function true 16 2 1')
})
