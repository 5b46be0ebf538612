import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { onPath } from '#mesh/install/installed.js'
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

/** The processes with `mark` among their arguments, guards included. */
function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(mark)
      } catch {
        return false
      }
    })
    .filter(isAlive)
}

/** Starts the program that starts `count` tied shells; resolves when it is about to. */
async function starter(mark: string, count: number, env: NodeJS.ProcessEnv = process.env) {
  const program = fileURLToPath(new URL('../programs/tied-starter.js', import.meta.url))
  const parent = spawn(process.execPath, [program, folder, mark, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  })
  await once(parent.stdout, 'data')
  return parent
}

async function noneMarked(mark: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  for (let left = marked(mark); left.length > 0; left = marked(mark)) {
    assert.ok(performance.now() < until, `still alive: ${left.join(', ')}`)
    await delay(10)
  }
}

const shell = (script: string) =>
  Tied.start({ name: 'shell', program: '/bin/sh', args: ['-c', script], folder, log: join(folder, 'log') })

test('a SIGKILL of the parent ends children and grandchildren', { skip }, async () => {
  const program = fileURLToPath(new URL('../programs/tied-parent.js', import.meta.url))
  const parent = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pids = JSON.parse(line.toString()) as number[]
  assert.equal(pids.length, 4)
  assert.ok(pids.every(isAlive))
  parent.kill('SIGKILL')
  await allGone(pids)
})

test('a SIGKILL of the parent at any moment of a start leaves no process', { skip }, async () => {
  const SHELLS = 4
  for (let after = 0; after < 32; after += 4) {
    const mark = `at-any-moment-${process.pid}-${after}`
    const parent = await starter(mark, SHELLS)
    await delay(after)
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    await noneMarked(mark)
  }
})

test('a program whose parent dies before it could ask to die with it does not begin', { skip }, async () => {
  // `unshare` forgets --kill-child, and inside the namespace `setpriv` takes its time: so the moment between fork and request lasts a second.
  const tools = join(folder, 'slow-tools')
  const isInside = join(tools, 'is-inside')
  mkdirSync(tools)
  const scripts = {
    unshare: `for argument do shift; [ "$argument" = --kill-child ] || set -- "$@" "$argument"; done
exec ${onPath('unshare')} "$@"`,
    setpriv: `if [ $$ = 1 ]; then : > ${isInside}; sleep 1; fi
exec ${onPath('setpriv')} "$@"`,
  }
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(tools, name), 0o755)
  }
  const mark = `before-it-could-ask-${process.pid}`
  const parent = await starter(mark, 1, { ...process.env, PATH: `${tools}:${process.env.PATH}` })
  const until = performance.now() + PATIENCE_MS
  while (!existsSync(isInside)) {
    assert.ok(performance.now() < until, 'the first process of the namespace did not begin')
    await delay(2)
  }
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await noneMarked(mark)
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
