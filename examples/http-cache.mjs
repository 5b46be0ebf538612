// An HTTP API on four threads with one cache for all of them, load-tested beside one lru-cache per thread and beside no cache.
//
//   node examples/http-cache.mjs [REQUESTS]      (default 4000)
//
// A page takes the backend 20 ms, and each worker has two connections to it, like the connections of a database: together they serve 400 pages
// a second. 450 requests a second arrive, whether or not earlier ones are answered, and each is timed from the moment at which it was due. A
// page is good for a minute. With a cache per worker each worker asks the backend for what the others know already, and the memory for a page
// is spent up to four times. With SharedCache the first worker that needs a page fetches it, and workers that want it at the same moment wait
// for that one call (`fetch`). Fewer calls are shorter queues for the connections: that is what shows in the P99.
//
// All workers answer on one port. Node 22.12 and later let each worker listen there itself (`reusePort`). Node 20 cannot: the main thread
// relays bytes to the workers, since Node hands no sockets to threads. `node:cluster` and PM2's cluster mode are no way: they start
// processes, and memory is shared by threads only. To move such a program: start it once (PM2: `exec_mode: 'fork'`, `instances: 1`), and
// start the workers yourself, as `main` does here.
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import { connect, createServer as createRelay } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { LRUCache } from 'lru-cache'
import { json, string } from 'threadmap'
import { SharedCache } from 'threadmap/cache'

const WORKERS = 4
/** Pages that the caches hold in all, and pages that there are. */
const ENTRIES = 400
const PAGES = 4000
const MINUTE = 60_000
const BACKEND_MS = 20
/** Connections to the backend that a worker has. */
const CONNECTIONS = 2
/** Requests a second that arrive at all workers together. */
const RATE = 450

const [major, minor] = process.versions.node.split('.').map(Number)
const canSharePort = process.platform === 'linux' && (major > 22 || (major === 22 && minor >= 12))

if (isMainThread) await main(Number(process.argv[2] ?? 4000))
else await serve(workerData)

async function main(requests) {
  console.log(canSharePort ? 'all workers listen on one port' : 'the main thread relays to the workers')
  for (const kind of ['no cache', 'lru-cache per worker', 'SharedCache']) {
    const cache =
      kind === 'SharedCache' ? new SharedCache({ key: string, value: json(), max: ENTRIES, ttl: MINUTE }) : undefined
    const service = await start(kind, cache)
    const { p50, p99, failed } = await load(service.port, requests)
    const counts = await service.counts()
    const calls = counts.reduce((sum, each) => sum + each.calls, 0)
    const heap = counts.reduce((sum, each) => sum + each.bytes, 0)
    const shared = cache?.stats().usedBytes ?? 0
    console.log(
      `${kind}: ${requests - failed} answers, ${calls} backend calls, hit ratio ${(100 * (1 - calls / requests)).toFixed(1)}%, ` +
        `P50 ${p50.toFixed(1)} ms, P99 ${p99.toFixed(1)} ms, memory ${((heap + shared) / 1e6).toFixed(1)} MB, ${(shared / 1e6).toFixed(1)} MB of it shared`,
    )
    await service.stop()
    cache?.[Symbol.dispose]()
  }
}

/** Starts the workers, and whatever makes them reachable on one port. */
async function start(kind, cache) {
  // A port that is free now: with reusePort the first worker takes it for all.
  const shared = canSharePort ? await freePort() : 0
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: { kind, port: shared, handle: cache?.handle } }),
  )
  const ports = await Promise.all(workers.map(async worker => (await once(worker, 'message'))[0]))
  const relay = canSharePort ? undefined : await relayTo(ports)
  return {
    port: relay ? relay.address().port : shared,
    counts: () =>
      Promise.all(
        workers.map(async worker => {
          worker.postMessage('counts')
          return (await once(worker, 'message'))[0]
        }),
      ),
    async stop() {
      relay?.close()
      await Promise.all(workers.map(worker => worker.terminate()))
    },
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

/** A worker: an HTTP server that takes pages from its cache, or from the backend. */
async function serve({ kind, port, handle }) {
  let calls = 0
  const withConnection = limited(CONNECTIONS)
  const backend = async page => {
    calls++
    await withConnection(() => sleep(BACKEND_MS))
    return { page, title: `Page ${page}`, text: 'lorem ipsum '.repeat(40) }
  }
  const before = heapUsed()
  let fetchPage = backend
  if (kind === 'SharedCache') {
    const cache = SharedCache.attach(handle)
    fetchPage = page => cache.fetch(page, backend)
  } else if (kind === 'lru-cache per worker') {
    // The same number of entries in all.
    const cache = new LRUCache({ max: ENTRIES / WORKERS, ttl: MINUTE, fetchMethod: backend })
    fetchPage = page => cache.fetch(page)
  }
  const server = createServer(async (request, response) => {
    try {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(await fetchPage(request.url)))
    } catch (error) {
      response.writeHead(500).end(String(error))
    }
  })
  server.listen({ port, host: '127.0.0.1', reusePort: canSharePort }, () =>
    parentPort.postMessage(server.address().port),
  )
  parentPort.on('message', () => parentPort.postMessage({ calls, bytes: Math.max(0, heapUsed() - before) }))
}

/** Bytes of this thread's heap after a collection: a server that has answered takes some megabytes even without a cache. */
function heapUsed() {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

/** Runs at most `most` tasks at a time; the others wait in order, as for the connections of a pool. */
function limited(most) {
  const queue = []
  let free = most
  return async task => {
    if (free > 0) free--
    else await new Promise(resolve => queue.push(resolve))
    try {
      return await task()
    } finally {
      const next = queue.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

/** Sends RATE requests a second, at random moments, each on a connection of its own. Few pages get the most requests. */
async function load(port, requests) {
  const agent = new Agent({ keepAlive: false })
  const times = []
  const answers = []
  let failed = 0
  const ask = async (page, due) => {
    const [response] = await once(get({ port, path: `/page/${page}`, agent }), 'response')
    const body = (await response.setEncoding('utf8').toArray()).join('')
    if (response.statusCode !== 200 || JSON.parse(body).page !== `/page/${page}`) failed++
    times.push(performance.now() - due)
  }
  let due = performance.now()
  for (let n = 0; n < requests; n++) {
    due += (-Math.log(1 - fraction(n, 0xc2b2ae35)) * 1000) / RATE
    const early = due - performance.now()
    if (early > 1) await sleep(early)
    answers.push(ask(pageOf(n), due).catch(() => failed++))
  }
  await Promise.all(answers)
  times.sort((a, b) => a - b)
  return { p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)], failed }
}

/** The page of the n-th request: the same in each run. The fourth power prefers the first pages, as readers do. */
function pageOf(n) {
  return Math.floor(fraction(n, 0x85ebca6b) ** 4 * PAGES)
}

/** A number from 0 to below 1 that looks random, and is the same in each run. */
function fraction(n, salt) {
  let mixed = Math.imul(n + 1, 0x9e3779b1) ^ salt
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
}
