// Serves the program from two workers of one process: next.test.mjs starts it, and it tells the workers' ports.
import { createServer } from 'node:http'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const dir = dirname(fileURLToPath(import.meta.url))

if (isMainThread) {
  const { shareNextCache } = await import('@threadmap/stores/next')
  if (process.argv[2] !== 'apart') shareNextCache()
  for (let i = 0; i < 2; i++) {
    new Worker(new URL(import.meta.url)).on('message', port => console.log(`listening on ${port}`))
  }
} else {
  const { default: next } = await import('next')
  const program = next({ dev: false, dir })
  await program.prepare()
  const server = createServer(program.getRequestHandler()).listen(0, '127.0.0.1')
  server.on('listening', () => parentPort.postMessage(server.address().port))
}
