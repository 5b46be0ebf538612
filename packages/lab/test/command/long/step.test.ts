import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { finished, type Outcome, readDocument, UsageError } from '@threadmap/lab'
import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { findKnees } from '@threadmap/workbench/load/knee/knees'
import { TIME_OUT_MS } from '@threadmap/workbench/load/tally'
import { sharedSubject } from '@threadmap/workbench/subjects/subject'
import { SubjectTeam, sharedOperations } from '@threadmap/workbench/subjects/team'
import { checkAsked } from '#lab/experiments/step/flags.js'
import { type Attribution, attribute, chainText, type Resource } from '#lab/experiments/step/knee/attribution.js'
import { isLoopback } from '#lab/experiments/step/load/foreign.js'
import { MapLockWatch } from '#lab/experiments/step/map-locks.js'
import type { StepDetails } from '#lab/experiments/step/outcome.js'
import type { Step } from '#lab/experiments/step/series.js'
import type { Planted } from '#lab/experiments/step/server/protocol.js'
import { orderTarget } from '#lab/experiments/step/server/target.js'
import { folder, threadmap } from '../../support/command.js'

const never = new AbortController().signal

/**
 * Resources that are scarce at few requests a second. Each request sleeps much longer than a thread waits for a core of a busy machine,
 * so requests wait for the planted resource on such a machine too. The objective has the same margin.
 */
const SCARCE: readonly (readonly [Planted, workers: number, rates: readonly [number, number], Resource, RegExp])[] = [
  // The servers can do: 4 connections / 100 ms = 40/s; 1 lock / 60 ms = 17/s; a hot shard 1 / 40 ms, that is 28/s in all; 1 loop / 80 ms = 13/s.
  [{ what: 'pool', size: 4, ms: 100 }, 1, [8, 120], 'connection pool', /^the pool of 4 /],
  [{ what: 'lock', locks: 1, ms: 60 }, 3, [4, 60], 'lock', /global lock \(of shard 0\)/],
  [{ what: 'lock', locks: 16, ms: 40, hot: 0.9 }, 3, [5, 90], 'lock', /^lock of shard 7$/],
  [{ what: 'loop', ms: 80 }, 1, [3, 40], 'event loop', /^the event loop/],
]
const CLIENTS = [2, 20] as const
/** How long a test repeats a measurement that a busy machine may spoil. */
const PATIENCE_MS = 120_000
type Loaded = Awaited<ReturnType<typeof orderTarget>>
const OBJECTIVE = { p95: 800, success: 0.999 }

// The servers sleep more than they compute, so two at a time are no trouble to each other.
describe('a planted bottleneck is named, whichever it is', { concurrency: 2 }, () => {
  for (const [planted, workers, rates, resource, name] of SCARCE) {
    test(`${planted.what} ${String(name)}`, async () => {
      const target = await orderTarget({ kind: 'FastMap', workers, planted, signal: never }, 1, planted.what)
      try {
        let [steps, cause] = await loadAndBlame(target, rates)
        // On a very busy machine requests wait for cores, and the verdict says so: it tells nothing about the planted resource.
        const end = performance.now() + PATIENCE_MS
        while (cause.resource === 'cores' && performance.now() < end) [steps, cause] = await loadAndBlame(target, rates)
        const said = JSON.stringify(steps)
        assert.equal(cause.resource, resource, `${cause.name}: ${chainText(cause)}; ${said}`)
        assert.match(cause.name, name)
        assert.ok(cause.chain.some(({ what, before, beyond: past }) => what === 'P95' && past > before))
      } finally {
        await target.stop()
      }
    })
  }
})

/** Loads the server below and beyond its knee, and asks for the resource that is full at the second step. */
async function loadAndBlame(target: Loaded, rates: readonly number[]): Promise<[Step[], Attribution]> {
  const steps: Step[] = []
  for (const [i, rate] of rates.entries()) {
    steps.push(await target.step({ clients: CLIENTS[i], rate, warmUpMs: 150, ms: 700, seed: 1 }))
  }
  const { beyond } = findKnees(steps, OBJECTIVE, 1)
  assert.equal(beyond, 1, `the second step is beyond the knee: ${JSON.stringify(steps)}`)
  return [steps, attribute(steps, beyond!, 2)]
}

test('where threads wait for a lock of the map, it is known at which shard', async () => {
  const workload = { keys: 1, reads: 0, zipf: 0, valueBytes: 8, churn: 0, threads: 3 }
  const team = await SubjectTeam.start({
    subject: sharedSubject('ShardedMap'),
    threads: workload.threads,
    signal: never,
    mapOptions: { shards: 16 },
  })
  try {
    await team.prepare(workload, sharedOperations(workload, 1))
    const hot = team.map?.shardStats().findIndex(({ entries }) => entries === 1)
    const measure = async () => {
      const watch = new MapLockWatch(team.map!)
      const { operations } = await team.round({ ms: 200 })
      return watch.stop(operations)
    }
    let mapLocks = await measure()
    // On a busy machine the threads may work one after the other for a whole round, and none waits.
    const end = performance.now() + PATIENCE_MS
    while (mapLocks.waits[hot!] === 0 && performance.now() < end) mapLocks = await measure()
    const others = mapLocks.waits.filter((_, shard) => shard !== hot)
    assert.ok(mapLocks.waits[hot!] > 0 && mapLocks.waiting[hot!] > 0, JSON.stringify(mapLocks))
    assert.ok(mapLocks.waiting[hot!] < workload.threads * 1.2, JSON.stringify(mapLocks))
    assert.deepEqual(new Set(others), new Set([0]))
  } finally {
    await team.stop()
  }
})

// These tests wait for time-outs, so they run at once.
describe('servers that do not do well', { concurrency: true }, () => {
  test('what never answers fails after the time-out, once, and what is answered late counts from when it was due', async t => {
    let silent = 0
    const port = await listening(t, (request, response) => {
      if (request.headers['content-type'] === undefined && silent++ % 10 === 3) return
      setTimeout(() => response.end('ok'), 20)
    })
    const target = await foreignTarget(port)
    try {
      // 100 requests a second of 20 ms each: 2 clients can just do that, unless one of them waits for the time-out.
      const began = performance.now()
      const step = await target.step({ clients: 2, rate: 100, warmUpMs: 0, ms: 300, seed: 5 })
      const took = performance.now() - began
      assert.ok(step.failures.timedOut > 0, JSON.stringify(step.failures))
      assert.equal(step.failures.timedOut, Math.round((1 - step.success) * step.requests))
      assert.ok(
        silent <= step.requests,
        `${silent} requests arrived of ${step.requests} that were due: nothing is sent again`,
      )
      assert.ok(step.latency.p999 >= TIME_OUT_MS * 0.98, `P99.9 ${step.latency.p999} ms`)
      assert.ok(took < 2 * TIME_OUT_MS + 20_000, `a hung server held the step for ${took} ms`)
    } finally {
      await target.stop()
    }
  })

  test('errors of each kind are counted as what they are', async t => {
    let count = 0
    const port = await listening(t, (request, response) => {
      count++
      if (count % 4 === 0) request.socket.destroy()
      else response.writeHead(count % 4 === 1 ? 503 : 200).end()
    })
    const target = await foreignTarget(port)
    try {
      const open = await target.step({ clients: 4, rate: 200, warmUpMs: 0, ms: 400, seed: 5 })
      assert.ok(open.failures.closed > 0 && open.failures.status > 0, JSON.stringify(open.failures))
      assert.ok(open.success > 0.3 && open.success < 0.7, `${open.success} of all succeed, which should be half`)
      const closed = await target.step({ clients: 4, rate: null, warmUpMs: 0, ms: 200, seed: 5 })
      assert.ok(closed.throughput > 0 && closed.offered === null)
    } finally {
      await target.stop()
    }
  })

  test('a target that cannot be used is refused in one line that says what to do, with code 2', async t => {
    const hanging = await listeningSocket(t, () => {})
    const closing = await listeningSocket(t, socket => socket.once('data', () => socket.destroy()))
    const short = await listeningSocket(t, socket =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')),
    )
    const noHttp = await listeningSocket(t, socket => socket.once('data', () => socket.end('SSH-2.0-nothing\r\n')))
    const broken = await listening(t, (_, response) => response.writeHead(500).end())
    const gone = createSocketServer()
    const refusing = await portOf(gone)
    gone.close()
    const targets: [string, Record<string, unknown>, RegExp][] = [
      [at(hanging), {}, /did not answer within 5 s/],
      [at(broken), {}, /answered 500; give an address/],
      [at(closing), {}, /closed the connection before its answer was whole/],
      [at(short), {}, /closed the connection before its answer was whole/],
      [at(noHttp), {}, /give the address of an HTTP server/],
      ['http://192.0.2.1/', {}, /not on this machine.*--allow-remote/],
      ['http://192.0.2.1/', { allowRemote: true }, /another machine.*--rate/],
      ['ftp://127.0.0.1/', {}, /no HTTP address; give one like/],
      ['http://a..b/', {}, /no host a..b/],
      [at(broken), { plant: 'pool' }, /--plant works on the order API only/],
      [at(broken), { rate: 1000, clients: [800] }, /800000 requests per second.*lower --rate or --clients/],
    ]
    await Promise.all(
      targets.map(([target, flags, expected]) =>
        assert.rejects(
          checkAsked({ quick: true, workers: 1, seed: 1, flags: { target, ...flags } }),
          error => error instanceof UsageError && expected.test(error.message) && !error.message.includes('\n'),
          `${target} ${JSON.stringify(flags)}`,
        ),
      ),
    )
    const commands: [string[], RegExp][] = [
      [['--target', at(refusing)], /refuses connections.*start the server/],
      [['--clients', '50,many'], /clients from 1 to 10000/],
      [['--rate', '1e9'], /requests per second from/],
      [['--server-map', 'UnsafeMap'], /Allowed choices are/],
      [['--workers', '0'], /workers from 1 to 240/],
    ]
    const out = folder(t)
    for (const [args, expected] of commands) {
      const { code, stdout, stderr } = await threadmap(['lab', 'step', '--quick', '--out', join(out, 'run'), ...args])
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.equal(stdout, '')
      assert.match(stderr, expected)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
    }
    assert.ok(!existsSync(join(out, 'run')), 'nothing was written')
  })
})

test('the order API, in steps: figures, chart, knee and cause are all there and belong together', async t => {
  const out = folder(t)
  const args = ['--plant', 'loop', '--clients', '4,40', '--rate', '20', '--step-seconds', '0.4']
  const { code, stdout, stderr } = await threadmap(['lab', 'step', '--quick', '--out', out, ...args])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /What runs out behind the knee/)
  const record = finished(readDocument(out), 'step')
  assert.ok(record, JSON.stringify(readDocument(out).experiments))
  const { series } = record.details as StepDetails
  const [{ steps }] = series
  assert.deepEqual(
    steps.map(({ clients, offered }) => [clients, offered]),
    [
      [4, 80],
      [40, 800],
    ],
  )
  assert.ok(steps[1].throughput < 500, `one loop with 3 ms a request answered ${steps[1].throughput}/s`)
  assert.ok(steps[1].latency.p95 > steps[0].latency.p95)
  for (const { latency } of steps) {
    assert.ok(
      latency.p50 >= 2.9 && latency.p50 <= latency.p95 && latency.p95 <= latency.p99 && latency.p99 <= latency.p999,
    )
  }
  checkCharts(record)
  const chart = record.charts.find(({ id }) => id === 'latency')
  assert.ok(chart?.kind === 'line')
  assert.deepEqual(
    chart.series.find(({ name }) => name === 'P95')?.points,
    steps.map(s => ({ x: s.clients, y: s.latency.p95 })),
  )
  assert.deepEqual(
    record.beliefs.map(({ belief }) => belief),
    [5, 6],
  )
})

test('maps in process take the same steps', async () => {
  const { MapInProcess } = await import('#lab/experiments/step/process/map-in-process.js')
  const target = await MapInProcess.start('ShardedMap', 2, never)
  try {
    const closed = await target.step({ clients: 2, rate: null, warmUpMs: 20, ms: 100, seed: 1 })
    const rate = closed.throughput / 10
    const open = await target.step({ clients: 50, rate, warmUpMs: 20, ms: 300, seed: 1 })
    assert.ok(closed.throughput > 1000, `${closed.throughput}/s`)
    assert.equal(open.success, 1)
    // All requests that are due are sent, some of them late; how many are due in 0.3 s is random.
    const due = rate * 0.3
    assert.ok(Math.abs(open.requests - due) < 5 * Math.sqrt(due), `${open.requests} requests, about ${due} were due`)
    assert.equal(open.resources.workers.length, 2)
  } finally {
    await target.stop()
  }
})

test('only loopback addresses are on this machine', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address)
  for (const address of ['10.0.0.1', '128.0.0.1', '0.0.0.0', '::', '::2', '::ffff:10.0.0.1']) {
    assert.ok(!isLoopback(address), address)
  }
})

function checkCharts({ charts }: Outcome): void {
  assert.equal(new Set(charts.map(({ id }) => id)).size, charts.length)
  for (const chart of charts) {
    assert.ok(chart.kind === 'line' && chart.alternative.length > 20)
    for (const { name, points } of chart.series) {
      for (const { x, y, low = y, high = y } of points) {
        assert.ok([x, y, low, high].every(Number.isFinite) && low <= y && y <= high, `${chart.id}, ${name}: ${y}`)
      }
    }
  }
}

function at(port: number): string {
  return `http://127.0.0.1:${port}/`
}

function foreignTarget(port: number): Promise<HttpTarget> {
  const destination = { origin: `http://127.0.0.1:${port}`, address: '127.0.0.1', family: 4 } as const
  const requests = [{ method: 'GET', path: '/' }] as const
  return HttpTarget.start({ name: 'a server', destinations: [destination], requests, generators: 1, signal: never })
}

async function listening(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

async function listeningSocket(t: TestContext, greet: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>()
  const server = createSocketServer(socket => {
    open.add(socket)
    socket.on('error', () => {})
    greet(socket)
  })
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return portOf(server)
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
