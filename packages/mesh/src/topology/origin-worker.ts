/** A thread with the server behind the sidecars: two versions, each at a port of its own. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { serve } from '@threadmap/workbench/threads/serve'
import { LOOPBACK } from '../processes/ports.js'
import { BODY_BYTES, type Mode, SLOW_MS, VERSION_HEADER } from './protocol.js'

const BODY = Buffer.alloc(BODY_BYTES, 'x')

await serve<readonly [number, number], Mode, 'done'>(async ([stable, canary]) => {
  let mode: Mode = 'normal'
  const versions: [string, number][] = [
    ['stable', stable],
    ['canary', canary],
  ]
  for (const [version, port] of versions) await listen(version, port, () => mode)
  return command => {
    mode = command
    return 'done'
  }
})

function listen(version: string, port: number, mode: () => Mode): Promise<Server> {
  const head = { 'content-type': 'text/plain', 'content-length': BODY_BYTES, [VERSION_HEADER]: version }
  const answer = (response: ServerResponse) => response.writeHead(200, head).end(BODY)
  const server = createServer((_, response) => {
    switch (mode()) {
      case 'normal':
        answer(response)
        break
      case 'slow':
        setTimeout(() => answer(response), SLOW_MS)
        break
      case 'half-closed':
        response.writeHead(200, head).write(BODY.subarray(0, BODY_BYTES / 2))
        setImmediate(() => response.socket?.destroy())
    }
  })
  // Idle connections stay open: a proxy that sends on one which the server is closing would have an error that is not its own.
  server.keepAliveTimeout = 600_000
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: LOOPBACK, port, backlog: 1024 }, () => resolve(server))
  })
}
