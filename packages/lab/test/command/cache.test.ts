import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type FinishedRecord, finished, readDocument } from '@threadmap/lab'
import { random } from '@threadmap/workbench/workload'
import { outcomeOf, type Replayed } from '#lab/experiments/cache/outcome.js'
import { folder, threadmap } from '../support/command.js'

/** A trace of 12,000 requests: half for 200 hot keys, half for keys that come twice at most. */
function traceText(): string {
  const next = random(3)
  const keys = Array.from({ length: 12_000 }, (_, i) =>
    i % 2 === 0 ? `/hot/${Math.floor(next() ** 2 * 200)}` : `/cold/${Math.floor(next() * 6_000)}`,
  )
  return keys.join('\n')
}

test('lab cache replays a trace of the user: one shared cache answers more than parts of it, within what is possible', async t => {
  const own = folder(t, { 'keys.gz': gzipSync(traceText()) })
  const out = join(own, 'run')
  const args = [
    'lab',
    'cache',
    '--quick',
    '--cache-trace',
    join(own, 'keys.gz'),
    '--cache-capacity',
    '256',
    '--out',
    out,
  ]
  const { code, stdout, stderr } = await threadmap(args)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /keys\.gz, 4 threads: SharedCache answers/)
  const { evidence, tables, charts } = finished(readDocument(out), 'cache') as FinishedRecord
  const value = (subject: string, metric: string, workers: number) => {
    const rows = evidence.filter(row => row.subject === subject && row.metric === metric && row.workers === workers)
    assert.equal(rows.length, 1, `${subject}, ${metric}`)
    return rows[0]!.value
  }
  const near = (a: number, b: number, by: number, what: string) =>
    assert.ok(Math.abs(a - b) <= by, `${what}: ${a}, ${b}`)
  const best = value('optimum, simulated', 'hit ratio', 1)
  // The real lru-cache of all entries is the simulated one; with the memory of SharedCache it has as many entries or more.
  const lru = value('LRU, simulated', 'hit ratio', 1)
  near(value('lru-cache behind messages', 'hit ratio', 1), lru, 1e-9, 'behind messages')
  assert.ok(value('lru-cache per thread', 'hit ratio', 1) >= lru - 1e-9)
  for (const workers of [1, 4]) {
    const shared = value('SharedCache', 'hit ratio', workers)
    assert.ok(shared > 20 && shared <= best + 1, `${shared} of at most ${best}`)
    near(value('SharedCache', 'backend calls', workers), (12_000 * (100 - shared)) / 100, 1, 'calls are the misses')
    for (const metric of ['throughput', 'P99', 'memory']) assert.ok(value('SharedCache', metric, workers) > 0, metric)
  }
  assert.ok(value('SharedCache', 'hit ratio', 4) > value('lru-cache per thread', 'hit ratio', 4) + 1)
  near(value('SharedCache', 'hit ratio', 4), value('SharedCache', 'hit ratio', 1), 3, 'threads do not matter')
  assert.equal(tables.length, 3)
  assert.deepEqual(
    charts.map(({ id }) => id),
    ['hits', 'rate', 'p99'],
  )

  const report = await threadmap(['report', out])
  assert.equal(report.code, 0, report.stderr)
})

test('lab cache refuses a file that is no trace, and a capacity that threads cannot divide, by name', async t => {
  const own = folder(t, { short: 'a\nb\n', keys: traceText() })
  const short = await threadmap(['lab', 'cache', '--quick', '--cache-trace', join(own, 'short'), '--out', own])
  assert.equal(short.code, 2)
  assert.match(short.stderr, /only 2 requests/)
  const small = ['--cache-trace', join(own, 'keys'), '--cache-capacity', '3']
  const divided = await threadmap(['lab', 'cache', '--quick', ...small, '--out', join(own, 'run')])
  assert.notEqual(divided.code, 0)
  assert.match(divided.stdout + divided.stderr, /3 entries cannot be divided among 4 threads/)
})

test('the findings say what is saved, and do not claim a difference within the noise', () => {
  const rounds = (rates: number[], hitRatio: number) =>
    rates.map(rate => ({ hitRatio, backendCalls: 1000 - hitRatio * 10, rate, p99: 1000, bytes: 1e6 }))
  const replayed = (threads: number, rates: number[]): Replayed => ({
    trace: { name: 'made up', requests: 1000, distinct: 100 },
    capacity: 10,
    splitCapacity: 12,
    valueBytes: 100,
    threads,
    found: {
      SharedCache: rounds([100, 101, 99], 60),
      'lru-cache per thread': rounds(rates, 20),
      'lru-cache behind messages': rounds([1, 1, 1], 50),
    },
    simulated: { LRU: 50, optimum: 70 },
  })
  const noisy = outcomeOf([replayed(1, [99, 103, 98]), replayed(4, [99, 103, 98])])
  assert.match(noisy.findings[0]!, /60\.0%.* 20\.0%: 400 of 800 backend calls are saved \(50\.0%\).*at most 70\.0%/)
  assert.match(noisy.findings[1]!, /about as many requests a second/)
  assert.match(outcomeOf([replayed(1, [50, 51, 49]), replayed(4, [1, 1, 1])]).findings[1]!, /2\.00x as many/)
})
