/** What runs out in a server of one's own, on made-up figures of each cause; and what a profile says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attributeForeign } from '#lab/experiments/step/foreign/attribution.js'
import { chainText } from '#lab/experiments/step/knee/attribution.js'
import type { ForeignThread, Inner, Resources, Step } from '#lab/experiments/step/series.js'
import { hottest } from '#lab/probe/profile.js'

const main: ForeignThread = { pid: 7, tid: 7, name: 'main thread', isLoop: true, threadId: 0, active: 0.1, cpu: 0.1 }
const worker: ForeignThread = { ...main, tid: 9, name: 'worker 1 (work.js)', threadId: 1 }
const pooled: ForeignThread = { pid: 7, tid: 11, name: 'thread 11 of process 7 (node)', isLoop: false, cpu: 0.01 }
const idlePool = { size: 4, meanMs: 0.1, queued: 0 }

function step(resources: Partial<Resources>, more: Partial<Step> = {}): Step {
  return {
    clients: 20,
    offered: 100,
    seconds: 5,
    throughput: 25,
    slices: [],
    latency: { mean: 900, p50: 900, p95: 1000, p99: 1100, p999: 1200 },
    requests: 500,
    failures: { timedOut: 0, refused: 0, closed: 0, status: 0, other: 0 },
    success: 1,
    waiting: 5,
    inProgress: 20,
    lateness: { p50: 0, p99: 0.1 },
    resources: { cores: 0.2, machine: 0.6, generators: [], workers: [], ...resources },
    ...more,
  }
}

function named(inner: Partial<Inner>, resources: Partial<Resources> = {}, alone: number | null = 0.04) {
  const about = { seenBy: 'probe', threads: [main], pool: idlePool, inside: 1, ...inner } as const
  const first = step({ inner: { ...about, threads: [main], pool: idlePool } }, { inProgress: 0.1, waiting: 0 })
  return attributeForeign([first, step({ inner: about, ...resources })], 1, 2, alone)
}

test('with the probe: computing on the main thread, in a worker, in the pool, and an async lock', () => {
  const json = named({ threads: [{ ...main, active: 1, cpu: 0.98, lag: 45 }, pooled] })
  assert.deepEqual([json.resource, json.name], ['event loop', 'the event loop of the main thread, which computes'])
  assert.match(chainText(json), /running on a core 10\.0 -> 98\.0% of the time; event loop active 10\.0 -> 100%/)

  const inWorker = named({ threads: [main, { ...worker, active: 1, cpu: 0.97 }] })
  assert.equal(inWorker.name, 'the event loop of the worker 1 (work.js), which computes')
  const asleep = named({ threads: [{ ...main, active: 1, cpu: 0.1 }] })
  assert.equal(asleep.name, 'the event loop of the main thread, blocked in synchronous calls')

  const full = { size: 4, meanMs: 80, queued: 0.95 }
  const zlib = named({ threads: [main, ...[1, 2, 3, 4].map(tid => ({ ...pooled, tid, cpu: 0.45 }))], pool: full })
  assert.deepEqual(
    [zlib.resource, zlib.name],
    ['thread pool', "libuv's thread pool of 4 threads (it computes: zlib, crypto)"],
  )
  assert.match(named({ threads: [main, pooled], pool: full }).name, /\(it waits: files, dns\.lookup\)$/)

  const mutex = named({})
  assert.equal(mutex.resource, 'async lock')
  assert.match(mutex.name, /^requests that wait for each other while its threads are idle: one is served at a time/)
  const connections = named({}, {}, 0.4)
  assert.equal(connections.resource, 'queue')
  assert.match(connections.name, /about 10 are served at a time, as with a pool of that many connections$/)
  for (const each of [json, inWorker, zlib, mutex]) assert.doesNotMatch(each.name, /--import/)

  // A tight objective is missed long before the loop is full: what keeps requests is the loop all the same, and no lock.
  const half = named({ threads: [{ ...main, active: 0.5, cpu: 0.45, lag: 600 }] }, {}, 0.015)
  assert.deepEqual([half.resource, half.name], ['event loop', 'the event loop of the main thread, which computes'])
  assert.equal(named({ threads: [{ ...main, active: 0.5, cpu: 0.45, lag: 20 }] }).resource, 'async lock')
})

test('with the probe: locks of maps, the collector, other programs', () => {
  const busy = { ...main, active: 1, cpu: 0.2 }
  const mapLocks = { waits: [0, 3], waiting: [0, 0.7] }
  const workers = [{ active: 1, collector: 0 }]
  assert.equal(named({ threads: [busy] }, { mapLocks, workers }).name, "lock of shard 1 of the map's 2")
  assert.equal(named({ threads: [{ ...busy, collector: 0.5 }] }).name, 'the garbage collector of main thread')
  const starved = named({ threads: [{ ...main, active: 1, cpu: 0.3, runDelay: 0.6 }] }, { machine: 1 })
  assert.match(starved.name, /^the cores, 75% of whose time other programs have$/)
})

test('without the probe, the system tells of threads, and the line says how to get the probe', () => {
  const system = (thread: Partial<ForeignThread>, alone?: number) =>
    named({ seenBy: 'system', threads: [{ ...pooled, ...thread }], pool: undefined, inside: undefined }, {}, alone)
  const hint = /; start it with "node --import @threadmap\/lab\/probe server\.js" to see/
  const computing = system({ tid: 7, name: 'the main thread of process 7', cpu: 0.95 })
  assert.match(computing.name, /^the main thread of process 7, which computes; start it/)
  assert.match(system({ cpu: 0.95 }).name, /^thread 11 of process 7 \(node\), a worker or a thread of the pool, which/)
  const lock = system({ cpu: 0.02 })
  assert.equal(lock.resource, 'async lock')
  const nothing = named({ seenBy: 'nothing', threads: [], pool: undefined, inside: undefined })
  assert.match(nothing.name, /^a queue inside the server, which serves about 1\.0 requests at a time; start it/)
  for (const each of [computing, lock, nothing]) assert.match(each.name, hint)
})

test('a profile names the functions in which a thread was busy, with their share of the busy time', () => {
  const frame = (functionName: string, url = '', lineNumber = -1) => ({
    functionName,
    url,
    lineNumber,
    scriptId: '0',
    columnNumber: 0,
  })
  const nodes = [
    { id: 1, callFrame: frame('(root)') },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('handle', 'file:///srv/server.js', 11) },
    { id: 4, callFrame: frame('(garbage collector)') },
  ]
  const hot = hottest({ nodes, startTime: 0, endTime: 10, samples: [2, 3, 3, 4, 2, 3], timeDeltas: [9, 2, 2, 2, 9, 2] })
  assert.deepEqual(hot, [
    { name: 'handle', place: 'server.js:12', share: 0.75 },
    { name: '(garbage collector)', place: '', share: 0.25 },
  ])
})
