/** The command with real proxies, interrupted and killed: what is done is kept, and nothing else is left. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isFree } from '#mesh/processes/ports.js'
import { isAlive, treeOf } from '#mesh/processes/tied.js'
import type { RunDocument } from '#mesh/run/document.js'
import { MESH_FILE } from '#mesh/run-file.js'
import { skip } from '../../support/proxies.js'

const program = join(
  dirname(fileURLToPath(import.meta.resolve('@threadmap/mesh/package.json'))),
  'build/test/support/mesh-program.js',
)
const PATIENCE_MS = 120_000
const FIRST_PORT = 29_900
const SUBJECTS = 'envoy,haproxy-2.8,nginx'

interface Command {
  readonly child: ChildProcess
  /** What it said so far. */
  readonly said: { out: string; error: string }
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>
}

/** The command, with a folder of its own for temporary files. */
function start(root: string, ...args: readonly string[]): Command {
  const common = ['--quick', '--subjects', SUBJECTS, '--only', 'admission,faults', '--out', join(root, 'out')]
  const child = spawn(process.execPath, [program, ...common, '--ports', String(FIRST_PORT), ...args], {
    env: { ...process.env, TMPDIR: root },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', error: '' }
  child.stdout.setEncoding('utf8').on('data', piece => {
    said.out += piece
  })
  child.stderr.setEncoding('utf8').on('data', piece => {
    said.error += piece
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return { child, said, ended }
}

async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < until, `${what}: not within ${PATIENCE_MS / 1000} s`)
    await delay(20)
  }
}

/** A command that has finished its first experiment, and is in the second; all its processes. */
async function inTheMiddle(root: string): Promise<Command & { readonly pids: readonly number[] }> {
  const command = start(root)
  await eventually('the first experiment', () => {
    assert.ok(command.child.exitCode === null, `it ended early: ${command.said.error}`)
    return command.said.out.includes('(admission, ')
  })
  const pids = treeOf(command.child.pid!)
  // Each of six sidecars has a guard; workers come on top.
  assert.ok(pids.length > 12, String(pids))
  return { ...command, pids }
}

function folder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'tm-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  return root
}

const runIn = (root: string) => JSON.parse(readFileSync(join(root, 'out', MESH_FILE), 'utf8')) as RunDocument
const runFolders = (root: string) => readdirSync(root).filter(name => name.startsWith('threadmap-mesh-run-'))

test('Ctrl-C keeps what is done, ends every process, and leaves no temporary folder; --resume does the rest', {
  skip,
}, async t => {
  const root = folder(t)
  const { child, said, ended, pids } = await inTheMiddle(root)
  assert.equal(runFolders(root).length, 1)
  child.kill('SIGINT')
  assert.deepEqual(await ended, [130, null], said.error)
  assert.match(said.error, /interrupted: all proxies are stopped; kept: admission.*; continue with --resume/)
  assert.deepEqual(pids.filter(isAlive), [])
  assert.deepEqual(runFolders(root), [])
  const kept = runIn(root).experiments.find(({ name }) => name === 'admission')
  assert.equal(kept?.status, 'finished')
  const resumed = start(root, '--resume')
  assert.deepEqual(await resumed.ended, [0, null], resumed.said.error)
  assert.ok(!resumed.said.out.includes('(admission, '), 'what was kept is measured again')
  const { experiments } = runIn(root)
  assert.deepEqual(
    experiments.map(({ name, status }) => [name, status]),
    [
      ['admission', 'finished'],
      ['faults', 'finished'],
    ],
  )
  assert.deepEqual(experiments[0], kept)
  assert.deepEqual(runFolders(root), [])
})

test('a SIGKILL of the command ends every process and frees its ports; the next run deletes the folder that is left', {
  skip,
}, async t => {
  const root = folder(t)
  const { child, ended, pids } = await inTheMiddle(root)
  child.kill('SIGKILL')
  await ended
  await eventually('the end of all processes', () => !pids.some(isAlive))
  await eventually('free ports', () => isFree(FIRST_PORT + 2))
  const [left] = runFolders(root)
  assert.ok(left, 'the folder of a run that is killed stays for the next one: otherwise this test shows nothing')
  const next = await inTheMiddle(root)
  assert.ok(!runFolders(root).includes(left), 'the folder of the run that was killed is still there')
  next.child.kill('SIGINT')
  await next.ended
  assert.deepEqual(runFolders(root), [])
})

test('a port in use is named, and nothing is started', { skip }, async t => {
  const root = folder(t)
  const running = await inTheMiddle(root)
  const second = start(root)
  assert.deepEqual(await second.ended, [2, null])
  assert.match(second.said.error, new RegExp(`port ${FIRST_PORT} is in use; give --ports another first port`))
  assert.equal(runFolders(root).length, 1)
  running.child.kill('SIGINT')
  await running.ended
})
