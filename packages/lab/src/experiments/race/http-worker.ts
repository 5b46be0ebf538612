/** One of several HTTP servers whose handlers count their visitors in one shared map. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import type { ConcurrentMap } from 'threadmap'
import { type HttpSetup, VISITS } from './visits.js'

/** Answers the message `listen` with the port. */
await serve<HttpSetup, 'listen', number>(async ({ handle, right }) => {
  const visits: ConcurrentMap<string, number> = attachMap(handle)
  const server = createServer(async (_, response) => {
    if (right) {
      visits.add(VISITS, 1)
    } else {
      const seen = visits.get(VISITS) ?? 0
      // Every real handler waits for something between its read and its write.
      await new Promise(setImmediate)
      visits.set(VISITS, seen + 1)
    }
    response.end('hello')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return () => (server.address() as AddressInfo).port
})
