import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RunFolder } from '#mesh/topology/run-folder.js'

const parent = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
after(() => rmSync(parent, { recursive: true, force: true }))

/** Another process with a folder of its own. */
async function owner(): Promise<{ path: string; kill(): Promise<void> }> {
  const program = fileURLToPath(new URL('../programs/folder-owner.js', import.meta.url))
  const child = spawn(process.execPath, [program, parent], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    path: line.toString().trim(),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('the folder of a run that was killed is deleted by the next run, that of a run that goes on is not', async () => {
  const killed = await owner()
  const living = await owner()
  writeFileSync(join(killed.path, 'a.key'), 'a key')
  await killed.kill()
  assert.ok(existsSync(killed.path))
  const own = await RunFolder.create(parent)
  assert.ok(!existsSync(killed.path))
  assert.ok(existsSync(living.path))
  const again = await RunFolder.create(parent)
  assert.ok(existsSync(own.path))
  for (const folder of [own, again]) {
    folder.remove()
    assert.ok(!existsSync(folder.path))
  }
  await living.kill()
})

test('only its owner may enter a folder', async () => {
  const own = await RunFolder.create(parent)
  assert.equal(statSync(own.path).mode & 0o777, 0o700)
  own.remove()
})

test('a folder without an owner yet is left alone for a minute', async () => {
  const young = join(parent, 'threadmap-mesh-run-young')
  const old = join(parent, 'threadmap-mesh-run-old')
  const other = join(parent, 'threadmap-mesh-other')
  for (const path of [young, old, other]) mkdirSync(path)
  const longAgo = new Date(Date.now() - 3_600_000)
  for (const path of [old, other]) utimesSync(path, longAgo, longAgo)
  const own = await RunFolder.create(parent)
  assert.deepEqual([young, old, other].map(existsSync), [true, false, true])
  own.remove()
})
