import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { before, test } from 'node:test'
import { SubjectError } from '@threadmap/workbench/errors'
import { GoProcess, goProgram } from '@threadmap/workbench/go/program'
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { operations, temporaryCount, temporaryKeys, userKeys, type Workload } from '@threadmap/workbench/workload'

const WORKLOADS: readonly Workload[] = [
  { keys: 500, reads: 90, zipf: 0, threads: 2, valueBytes: 8, churn: 0 },
  // More keys than there are ids of six digits.
  { keys: 900_010, reads: 99, zipf: 0, threads: 1, valueBytes: 8, churn: 0 },
  { keys: 9000, reads: 50, zipf: 0.99, threads: 3, valueBytes: 64, churn: 40 },
]

let program: string
let missing: string | false = false

before(async () => {
  try {
    program = await goProgram()
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    missing = error.message
  }
})

function fnv(bytes: Iterable<number>): number {
  let sum = 0x811c9dc5
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193)
  return sum >>> 0
}

test('Go makes the same keys and operations from the same seed', t => {
  if (missing) return t.skip(missing)
  for (const workload of WORKLOADS) {
    const { keys, reads, zipf, threads, valueBytes, churn } = workload
    const flags = { keys, reads, zipf, threads, value: valueBytes, churn, seed: 77, check: true }
    const said = execFileSync(
      program,
      Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
      { encoding: 'utf8' },
    )
    const count = temporaryCount(workload)
    const initial = userKeys(keys)
    if (churn > 0) for (let i = 0; i < threads; i++) initial.push(...temporaryKeys(i, count).slice(0, count / 2))
    const ours = [
      fnv(Buffer.from(initial.join(''), 'latin1')),
      ...Array.from({ length: threads }, (_, thread) => fnv(new Uint8Array(operations(workload, thread, 77).buffer))),
    ]
    assert.deepEqual(said.trim().split('\n').map(Number), ours)
  }
})

test("each of Go's maps answers rounds with a rate, and an unknown one is an error, not a wait", async t => {
  if (missing) return t.skip(missing)
  for (const workload of WORKLOADS) {
    for (const map of ['sync.Map', 'RWMutex+map', 'sharded'] as const) {
      const running = await GoProcess.start(program, map, workload, 1)
      try {
        for (let round = 0; round < 2; round++) assert.ok((await running.round(20, 5)) > 0, map)
      } finally {
        running.stop()
      }
    }
  }
  // xsync is compiled in on demand only.
  await assert.rejects(GoProcess.start(program, 'xsync.Map', WORKLOADS[0], 1), SubjectError)
})
