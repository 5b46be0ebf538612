// An HTTP API on four threads with a limit, metrics and an HTTP cache, load-tested with and without them.
//
//   node examples/stores/http-api.mjs [REQUESTS]      (default 1500)
//
// Three services get the same requests: one without limit, metrics and cache; one with express-rate-limit, prom-client and undici's cache as they
// are, so each worker has its own; and one whose stores are in shared memory. Each of 20 clients may send 40 requests in an hour. With a limit per worker
// nearly every request passes, and a scrape sees the worker that happens to answer it. An origin takes 20 ms for a page, over two connections per worker.
//
// All workers answer on one port, as in examples/http-cache.mjs: Node 22.12 and later let each worker listen there itself; on Node 20 the main thread relays.
import { once } from 'node:events'
import { Agent as ClientAgent, createServer, get } from 'node:http'
import { connect, createServer as createRelay } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Counter, Histogram, SharedRegistry } from '@threadmap/stores/prometheus'
import { Limits } from '@threadmap/stores/rate-limit'
import { SharedStore } from '@threadmap/stores/rate-limit/express'
import { SharedCacheStore } from '@threadmap/stores/undici'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import prom from 'prom-client'
import { Agent, cacheStores, interceptors, request } from 'undici'

const WORKERS = 4
const CLIENTS = 20
const LIMIT = 40
const PAGES = 60
const ORIGIN_MS = 20
/** Requests a second that arrive at all workers together. */
const RATE = 200

const [major, minor] = process.versions.node.split('.').map(Number)
const canSharePort = process.platform === 'linux' && (major > 22 || (major === 22 && minor >= 12))

if (isMainThread) await main(Number(process.argv[2] ?? 1500))
else await serve(workerData)

async function main(requests) {
  console.log(canSharePort ? 'all workers listen on one port' : 'the main thread relays to the workers')
  let asked = 0
  const origin = createServer(async (incoming, response) => {
    asked++
    await sleep(ORIGIN_MS)
    response.setHeader('cache-control', 'max-age=60')
    response.end(`page ${incoming.url}`)
  }).listen(0, '127.0.0.1')
  await once(origin, 'listening')
  for (const kind of ['without', 'per worker', 'shared']) {
    asked = 0
    const service = await start(kind, origin.address().port)
    const { statuses, p50, p99, cpu } = await load(service.port, requests)
    const scraped = kind === 'without' ? '-' : await scrape(service.port)
    console.log(
      `${kind}: ${statuses[200] ?? 0} passed, ${statuses[429] ?? 0} refused, ${requests - (statuses[200] ?? 0) - (statuses[429] ?? 0)} failed, ` +
        `${asked} asked of the origin, ${scraped} in a scrape, P50 ${p50.toFixed(1)} ms, P99 ${p99.toFixed(1)} ms, ${cpu.toFixed(1)} s of processor time`,
    )
    await service.stop()
  }
  origin.close()
  origin.closeAllConnections()
}

/** Starts the workers, and whatever makes them reachable on one port. */
async function start(kind, originPort) {
  const port = canSharePort ? await freePort() : 0
  const shared =
    kind === 'shared'
      ? {
          limits: new Limits(),
          metrics: new SharedRegistry(),
          responses: new SharedCacheStore({ maxSize: 16 * 1024 ** 2 }),
        }
      : {}
  const handles = Object.fromEntries(Object.entries(shared).map(([name, store]) => [name, store.handle]))
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: { kind, port, originPort, handles } }),
  )
  const ports = await Promise.all(workers.map(async worker => (await once(worker, 'message'))[0]))
  const relay = canSharePort ? undefined : await relayTo(ports)
  return {
    port: relay ? relay.address().port : port,
    async stop() {
      relay?.close()
      await Promise.all(workers.map(worker => worker.terminate()))
    },
  }
}

/** A worker: an API that limits its clients, counts, and fetches pages through an HTTP cache. */
async function serve({ kind, port, originPort, handles }) {
  const app = express()
  app.get('/ready', (_incoming, response) => response.send('yes'))
  let dispatcher = new Agent({ connections: 2 })
  if (kind !== 'without') {
    const isShared = kind === 'shared'
    // The three lines in which the services differ.
    const registry = isShared ? SharedRegistry.attach(handles.metrics) : new prom.Registry()
    const store = isShared ? new SharedStore({ limits: handles.limits }) : undefined
    const responses = isShared ? new SharedCacheStore(handles.responses) : new cacheStores.MemoryCacheStore()

    measure(app, registry, isShared ? { Counter, Histogram } : prom)
    app.use(
      '/page',
      rateLimit({ windowMs: 3_600_000, limit: LIMIT, store, keyGenerator: incoming => incoming.get('x-client') }),
    )
    dispatcher = dispatcher.compose(interceptors.cache({ store: responses }))
  }
  app.get('/page/:page', async (incoming, response) => {
    const { body } = await request(`http://127.0.0.1:${originPort}/${incoming.params.page}`, { dispatcher })
    response.send(await body.text())
  })
  const server = createServer(app).listen({ port, host: '127.0.0.1', reusePort: canSharePort }, () =>
    parentPort.postMessage(server.address().port),
  )
}

/** Counts and times all requests, and answers scrapes. */
function measure(app, registry, kinds) {
  const registers = [registry]
  const requests = new kinds.Counter({ name: 'http_requests_total', help: 'Requests', labelNames: ['code'], registers })
  const seconds = new kinds.Histogram({ name: 'http_request_seconds', help: 'Their durations', registers })
  app.get('/metrics', async (_incoming, response) => {
    response.type(registry.contentType).send(await registry.metrics())
  })
  app.use((_incoming, response, next) => {
    const end = seconds.startTimer()
    response.on('finish', () => {
      end()
      requests.inc({ code: response.statusCode })
    })
    next()
  })
}

/** How many requests a scrape knows of. */
async function scrape(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const counts = [...text.matchAll(/^http_requests_total\{.*\} (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Sends RATE requests a second, whether or not earlier ones are answered, each on a connection of its own and timed from the moment at which it was due. */
async function load(port, requests) {
  const agent = new ClientAgent({ keepAlive: false })
  const times = []
  const statuses = {}
  const ask = async (n, due) => {
    const path = `/page/${(n * 7) % PAGES}`
    const [response] = await once(get({ port, path, agent, headers: { 'x-client': n % CLIENTS } }), 'response')
    await response.resume().toArray()
    statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1
    times.push(performance.now() - due)
  }
  // What is not measured: the first requests compile the code of each worker.
  for (let n = 0; n < 40 * WORKERS; n++)
    await (await fetch(`http://127.0.0.1:${port}/ready`, { headers: { connection: 'close' } })).text()
  const began = performance.now()
  const before = process.cpuUsage()
  const answers = []
  for (let n = 0; n < requests; n++) {
    const due = began + (n * 1000) / RATE
    const early = due - performance.now()
    if (early > 1) await sleep(early)
    answers.push(ask(n, due).catch(() => {}))
  }
  await Promise.all(answers)
  // That of the requests' own making included.
  const { user, system } = process.cpuUsage(before)
  times.sort((a, b) => a - b)
  return {
    cpu: (user + system) / 1e6,
    statuses,
    p50: times[Math.floor(times.length / 2)],
    p99: times[Math.floor(times.length * 0.99)],
  }
}

async function freePort() {
  const probe = createRelay().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

async function relayTo(ports) {
  let turn = 0
  const relay = createRelay(socket => {
    const upstream = connect(ports[turn++ % ports.length], '127.0.0.1')
    socket.pipe(upstream).pipe(socket)
    for (const side of [socket, upstream]) side.on('error', () => socket.destroy() && upstream.destroy())
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  return relay
}
