/** One worker of a server: it answers HTTP requests from the store, which all workers of the server share, behind a guard. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@threadmap/workbench/threads/serve'
import { CockatielGuard, cockatielModule } from '../guards/cockatiel.js'
import { GovernorGuard } from '../guards/governor.js'
import { type Guard, type GuardName, NO_GUARD, Refused } from '../guards/guard.js'
import { AdaptiveLimit, ConcurrencyLimit } from '../guards/limits.js'
import { AT_ONCE, CONNECTIONS, shardOf } from '../plan.js'
import { failureOf, StoreClient } from '../store/client.js'
import { type NewGuard, type ServerCommand, type ServerSetup, STATUS } from './protocol.js'

/** The keep-alive time-out in ms: longer than a run. */
const KEEP_ALIVE_MS = 600_000

/** Replies with the port of this worker. */
await serve<ServerSetup, ServerCommand, number>(async ({ guard: name, port: toStore }, { members }) => {
  const store = new StoreClient(toStore)
  let guard = NO_GUARD
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const [, key, write] = (request.url ?? '').split('/')
    answer(Number(key), write === undefined ? undefined : Number(write), response)
  })

  const answer = async (key: number, write: number | undefined, response: ServerResponse) => {
    const shard = shardOf(key)
    const arrived = Date.now()
    try {
      const at =
        write === undefined
          ? await guard.read(key, () => store.load(shard))
          : await guard.write(key, () => store.save(shard, write))
      // A value that the store read after the request had arrived is fresh.
      send(response, STATUS.answered, String(Math.max(0, arrived - at)))
    } catch (error) {
      if (error instanceof Refused) send(response, STATUS.refused, '')
      else if (failureOf(error) === 'busy') send(response, STATUS.busy, '')
      else send(response, STATUS.failed, failureOf(error) === undefined ? String(error) : '')
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return async command => {
    if (command === 'address') return port
    guard.close()
    guard = await guardOf(name, members, command)
    return port
  }
})

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

async function guardOf(guard: GuardName, workers: number, { scale, governor }: NewGuard): Promise<Guard> {
  // Without shared state each worker gets its part of the connections, and of a shard's work at least one call.
  const part = Math.max(1, Math.floor(CONNECTIONS / workers))
  const partOfShard = Math.max(1, Math.ceil((2 * AT_ONCE) / workers))
  switch (guard) {
    case 'no protection':
      return NO_GUARD
    case 'concurrency limit':
      return new ConcurrencyLimit(part)
    case 'adaptive limit':
      return new AdaptiveLimit(part)
    case 'cockatiel':
    case 'cockatiel per shard': {
      const module = await cockatielModule()
      if (module === undefined) throw new Error('cockatiel is not installed')
      return guard === 'cockatiel'
        ? new CockatielGuard(module, { most: part, partOf: () => 0, scale })
        : new CockatielGuard(module, { most: partOfShard, partOf: shardOf, scale })
    }
    case 'governor':
      if (governor === undefined) throw new Error('no governor was sent')
      return new GovernorGuard(governor)
  }
}
