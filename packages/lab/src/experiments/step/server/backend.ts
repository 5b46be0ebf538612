/** The server behind the order API: each request takes a fixed time, as in a database, and any number of requests run at once. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@threadmap/workbench/threads/serve'

await serve<{ readonly ms: number }, undefined, number>(async ({ ms }) => {
  const server = createServer({ keepAliveTimeout: 60_000 }, (_, response) => {
    setTimeout(() => response.end('{}'), ms)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return () => port
})
