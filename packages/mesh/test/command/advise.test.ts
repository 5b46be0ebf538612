import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { machine } from '@threadmap/workbench/evidence'
import type { MeshRow } from '#mesh/rows/row.js'
import { MESH_FILE, MESH_FORMAT, MESH_VERSION } from '#mesh/run-file.js'
import { measuredRow, wordsRow } from '../support/rows.js'

const program = join(
  dirname(fileURLToPath(import.meta.resolve('@threadmap/mesh/package.json'))),
  'build/test/support/mesh-program.js',
)

function advise(cwd: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'advise', ...args], {
    cwd,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
  return root
}

const run = (rows: readonly MeshRow[]) =>
  JSON.stringify({
    format: MESH_FORMAT,
    version: MESH_VERSION,
    startedAt: '2026-11-27T10:00:00Z',
    machine: machine(),
    rows,
  })

const ROWS = ['envoy', 'haproxy'].flatMap((name, at) => [
  measuredRow(name, 'p95', at === 0 ? 3.2 : 1.7),
  measuredRow(name, 'pss', at === 0 ? 82 : 25),
  wordsRow(name, 'tls-versions', '1.3'),
])

const FIPS = `source: security team
date: 2026-11-20
rows:
  - { subject: envoy, version: any, metric: fips, value: yes }
  - { subject: haproxy, version: any, metric: fips, value: no }
`

test('threadmap mesh advise answers from a run and a file of rows', t => {
  const root = folder(t, { [MESH_FILE]: run(ROWS), 'fips.yaml': FIPS })
  const open = advise(root, '--run', root, '--require', 'tls13,fips', '--weigh', 'p95=3,memory=1')
  assert.equal(open.status, 0, open.stderr)
  assert.match(open.stdout, /^Undecided/)
  assert.match(open.stdout, /supply FIPS 140 validated cryptography \(fips\) of haproxy 1\.0/)
  const closed = advise(
    root,
    '--run',
    root,
    '--require',
    'tls13,fips',
    '--weigh',
    'p95=3,memory=1',
    '--rows',
    'fips.yaml',
  )
  assert.match(closed.stdout, /^Take envoy\./)
  assert.match(closed.stdout, /fails: FIPS 140 validated cryptography: no \(supplied 2026-11-20: security team\)/)
  const json = advise(root, '--run', root, '--weigh', 'p95=3', '--json')
  assert.equal(JSON.parse(json.stdout).measured.leader, 'haproxy')
})

test('--report puts the question first and shows supplied rows as such', t => {
  const parts = { settings: { quick: true, seed: 1 }, subjects: [], absent: [], experiments: [] }
  const root = folder(t, { 'fips.yaml': FIPS, [MESH_FILE]: JSON.stringify({ ...JSON.parse(run(ROWS)), ...parts }) })
  const asked = ['--run', root, '--require', 'fips', '--weigh', 'p95', '--rows', 'fips.yaml', '--report', 'page.html']
  const { status, stderr } = advise(root, ...asked)
  assert.equal(status, 0, stderr)
  const page = readFileSync(join(root, 'page.html'), 'utf8')
  assert.match(page, /<h2>Take envoy\.<\/h2>/)
  assert.match(page, /Supplied rows.*security team/s)
})

test('threadmap mesh advise says in one line what it cannot do', t => {
  const root = folder(t, { 'bad.yaml': 'rows: 1\n', [MESH_FILE]: '{' })
  for (const [args, words] of [
    [['--require', 'tls14'], /tls13/],
    [[], /nothing is asked/],
    [['--preset', 'other'], /payments/],
    [['--require', 'tls13'], /there are no rows/],
    [['--require', 'tls13', '--rows', 'bad.yaml'], /bad\.yaml:1: rows: is 1, not a list/],
    [['--require', 'tls13', '--run', root], /is not JSON/],
    [['--require', 'tls13', '--run', '/nowhere'], /ENOENT/],
  ] as const) {
    const { status, stderr } = advise(root, ...args)
    assert.equal(status, 2, stderr)
    assert.match(stderr, words)
    assert.equal(stderr.trim().split('\n').length, 1)
  }
})
