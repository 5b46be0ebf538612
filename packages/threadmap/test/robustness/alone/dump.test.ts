import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FastMap, f64, string } from 'threadmap'
import { dump, load } from 'threadmap/dump'
import { ENTRIES } from '../../programs/dumping.js'
import { type RegisterJobs, registerKey } from '../../programs/registers.js'
import { formOf } from '../../support/forms.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap, TEST_BYTES } from '../../support/maps.js'
import { until, untilSeen } from '../../support/patience.js'
import { seeded } from '../../support/seeded.js'
import { crewOf } from '../../support/team.js'

const program = fileURLToPath(new URL('../../programs/dumping.js', import.meta.url))

test('a process that is killed in the middle of a dump leaves the dump before it, whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-killed-'))
  const path = join(folder, 'map.dump')
  try {
    await untilSeen(async () => {
      const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
      const ended = once(child, 'exit')
      let written = 0
      child.stdout.on('data', text => {
        written = Number(String(text).trim().split('\n').at(-1))
      })
      const temporary = () => readdirSync(folder).find(name => name.endsWith('.tmp'))
      await until(() => written > 0 && isBegun(folder, temporary()), 'a dump beside the first one is under way')
      child.kill('SIGKILL')
      await ended
      const inTheMiddle = temporary() !== undefined
      using map = new FastMap({ key: f64, value: f64 })
      assert.equal((await load(map, path)).entries, ENTRIES)
      const values = new Set(map.values())
      assert.equal(values.size, 1, 'all entries are of one dump')
      assert.ok(([...values][0] as number) >= written)
      for (const name of readdirSync(folder)) if (name.endsWith('.tmp')) rmSync(join(folder, name))
      return inTheMiddle
    }, 'a process was killed while a temporary file was there')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Whether a temporary file has bytes. It may be renamed at any moment. */
function isBegun(folder: string, name: string | undefined): boolean {
  try {
    return name !== undefined && statSync(join(folder, name)).size > 0
  } catch {
    return false
  }
}

const registers = crewOf<RegisterJobs>('registers')
const KEYS = 500

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: a dump while another thread writes has every key once, never older than before nor newer than after`,
    async random => {
      const form = formOf('strings')
      using map = createMap<string, unknown>(kind, { key: string, value: form.codec, maxBytes: TEST_BYTES })
      for (let index = 0; index < KEYS; index++) map.set(registerKey(index), form.make(index, 1))
      const versions = new SharedArrayBuffer(KEYS * 8)
      const words = new Int32Array(versions).fill(1)
      const writer = registers('write', [
        { map: map.handle, form: 'strings', keys: KEYS, deletes: false, versions, cache: 0, seed: random.next() },
      ])
      const folder = mkdtempSync(join(tmpdir(), 'threadmap-written-'))
      const path = join(folder, 'map.dump')
      try {
        await writer.ready()
        writer.open()
        // Until a dump has caught the writer at work: a version that was not there before and is not the last.
        await untilSeen(
          async () => {
            const before = words.slice(KEYS)
            await dump(map, path)
            const after = words.slice(0, KEYS)
            using copy = createMap<string, unknown>(kind, { key: string, value: form.codec, maxBytes: TEST_BYTES })
            assert.equal((await load(copy, path)).entries, KEYS)
            assert.equal(copy.size, KEYS)
            let between = 0
            for (let index = 0; index < KEYS; index++) {
              const version = form.check(copy.get(registerKey(index)), index)
              const [low, high] = [before[index] as number, after[index] as number]
              assert.ok(low <= version && version <= high, `${version} is not from ${low} to ${high}`)
              if (low < version) between++
            }
            return between > 0
          },
          'the writer wrote during a dump',
          5,
        )
        writer.control.stop()
        await writer.reports()
      } finally {
        await writer.terminate()
        rmSync(folder, { recursive: true, force: true })
      }
      assert.deepEqual(map.audit(), [])
    },
  )
}
