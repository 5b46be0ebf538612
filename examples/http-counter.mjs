// A hit counter for an HTTP service that runs on several threads: every request is counted once, whichever thread answers it.
//
//   node examples/http-counter.mjs [REQUESTS]      serves, sends itself that many requests (default 400), prints the counts
//
// Each worker runs a server of its own; the main thread takes the place of the load balancer in front of them. With a plain Map
// per worker, each worker would know only a part of the counts, and GET /hits would answer another number each time.
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { connect, createServer as createRelay } from 'node:net'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { FastMap, f64, string } from 'threadmap'

const WORKERS = 4

if (isMainThread) await main(Number(process.argv[2] ?? 400))
else serve(FastMap.attach(workerData))

async function main(requests) {
  const hits = new FastMap({ key: string, value: f64 })
  const workers = Array.from(
    { length: WORKERS },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: hits.handle }),
  )
  const ports = await Promise.all(workers.map(async worker => (await once(worker, 'message'))[0]))

  let turn = 0
  const balancer = createRelay(socket => {
    const upstream = connect(ports[turn++ % WORKERS], '127.0.0.1')
    socket.pipe(upstream).pipe(socket)
    for (const side of [socket, upstream]) side.on('error', () => socket.destroy() && upstream.destroy())
  }).listen(0, '127.0.0.1')
  await once(balancer, 'listening')
  const { port } = balancer.address()

  const pages = ['/', '/about', '/prices']
  const client = async first => {
    for (let i = first; i < requests; i += WORKERS) await answer(port, pages[i % pages.length])
  }
  await Promise.all(Array.from({ length: WORKERS }, (_, first) => client(first)))

  // Every worker knows the counts of all workers.
  console.log(await answer(port, '/hits'))
  await Promise.all(workers.map(worker => worker.terminate()))
  balancer.close()
}

function serve(hits) {
  const server = createServer((request, response) => {
    if (request.url === '/hits') return response.end(JSON.stringify(Object.fromEntries([...hits].sort())))
    hits.add(request.url, 1)
    response.end('hello\n')
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
}

async function answer(port, path) {
  const [response] = await once(get({ port, path, agent: false }), 'response')
  return (await response.setEncoding('utf8').toArray()).join('')
}
