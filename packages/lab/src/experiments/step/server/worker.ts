/** One worker of the order API: an HTTP server of its own over the map that all of them share. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import { ThreadWatch } from '@threadmap/workbench/threads/time'
import { order, PRODUCTS, product } from './orders.js'
import { block, PlantedLocks, PlantedPool } from './planted.js'
import type { ServerCommand, ServerReply, ServerSetup } from './protocol.js'

/** The keep-alive time-out in ms: longer than any pause between two steps, so that connections stay open. */
const KEEP_ALIVE_MS = 60_000
const MOST_BODY_BYTES = 10_000

await serve<ServerSetup, ServerCommand, ServerReply>(async ({ handle, planted, locks, backend }, { index }) => {
  const map = attachMap(handle)
  const plantedLocks = planted?.what === 'lock' ? new PlantedLocks(locks, planted.ms) : undefined
  const pool = planted?.what === 'pool' ? new PlantedPool(planted.size, backend!) : undefined
  let requests = 0
  let orders = 0

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    requests++
    const body = request.method === 'POST' ? await bodyOf(request) : undefined
    const id = body === undefined ? Number(request.url?.split('/')[2]) : idIn(body)
    if (!Number.isInteger(id) || id < 0 || id >= PRODUCTS) return send(response, 404, { error: 'no such product' })
    if (planted?.what === 'loop') block(planted.ms)
    await pool?.ask()
    const work = () => (body === undefined ? product(map, id) : { order: order(map, index, orders++, id, 1) })
    send(response, 200, plantedLocks === undefined ? work() : plantedLocks.within(id, work))
  }
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    answer(request, response).catch(error => send(response, 500, { error: String(error) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  let watch = new ThreadWatch()
  return command => {
    if (command === 'watch') {
      watch.stop()
      watch = new ThreadWatch()
      requests = 0
      plantedLocks?.reset()
      pool?.reset()
    }
    if (command !== 'figures') return { port }
    const time = watch.stop(plantedLocks?.waitedMs.reduce((sum, each) => sum + each, 0))
    watch = new ThreadWatch()
    const { inUseMs = 0, waitingMs = 0 } = pool?.times() ?? {}
    return {
      port,
      figures: {
        ms: time.ms,
        requests,
        time,
        heldMs: plantedLocks?.heldMs ?? [],
        waitedMs: plantedLocks?.waitedMs ?? [],
        lockLatencies: plantedLocks?.latencies.map(({ handle }) => handle) ?? [],
        poolInUseMs: inUseMs,
        poolWaitingMs: waitingMs,
      },
    }
  }
})

function send(response: ServerResponse, status: number, content: unknown): void {
  const text = JSON.stringify(content)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > MOST_BODY_BYTES) throw new RangeError(`an order has at most ${MOST_BODY_BYTES} bytes`)
  }
  return text
}

function idIn(body: string): number {
  const parsed: unknown = JSON.parse(body)
  return typeof parsed === 'object' && parsed !== null && 'product' in parsed ? Number(parsed.product) : Number.NaN
}
