import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { processorMs, pssMegabytes } from '#mesh/processes/cost.js'
import { isAlive, Tied, tiedProblem, treeOf } from '#mesh/processes/tied.js'

const problem = tiedProblem()
const skip = problem === undefined ? false : `tied processes: ${problem}`
const folder = mkdtempSync(join(tmpdir(), 'threadmap-tied-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const PATIENCE_MS = 20_000

async function allGone(pids: readonly number[]): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (pids.some(isAlive)) {
    assert.ok(performance.now() < until, `still alive: ${pids.filter(isAlive).join(', ')}`)
    await delay(10)
  }
}

const shell = (script: string) =>
  Tied.start({ name: 'shell', program: '/bin/sh', args: ['-c', script], folder, log: join(folder, 'log') })

test('a SIGKILL of the parent ends children and grandchildren', { skip }, async () => {
  const program = fileURLToPath(new URL('../programs/tied-parent.js', import.meta.url))
  const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  assert.equal(pids.length, 4)
  assert.ok(pids.every(isAlive))
  parent.kill('SIGKILL')
  await allGone(pids)
})

test('kill ends a stopped program with its descendants', { skip }, async () => {
  const tied = await shell('sleep 1000 & wait')
  while (treeOf(tied.pid).length < 2) await delay(5)
  const pids = treeOf(tied.pid)
  tied.signal('SIGSTOP')
  await tied.kill()
  assert.ok(!tied.isRunning)
  await allGone(pids)
  await tied.kill()
})

test('a program that ends early is named with its last words', { skip }, async () => {
  const tied = await shell('sleep 0.2; echo no such word; exit 1')
  await assert.rejects(
    tied.ready(async () => false),
    /shell ended early.*no such word/,
  )
})

test('processor time and memory of a program are those of its descendants too', { skip }, async () => {
  const tied = await shell('sh -c "while true; do :; done" & wait')
  const until = performance.now() + PATIENCE_MS
  while (processorMs(tied.pid) < 100) {
    assert.ok(performance.now() < until, 'the burner takes no time')
    await delay(10)
  }
  assert.ok(pssMegabytes(tied.pid) > 0.05)
  await tied.kill()
})
