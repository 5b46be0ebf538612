import { HttpTarget } from '@threadmap/workbench/load/http-target'
import { type OrderFigures, OrderServer, type OrderServerOptions } from './order-server.js'
import { orderRequests } from './orders.js'

/** Starts the order API as a target of the step load. */
export async function orderTarget(
  options: OrderServerOptions,
  generators: number,
  name: string,
): Promise<HttpTarget<OrderFigures>> {
  const { planted, signal } = options
  const requests = orderRequests(planted?.what === 'lock' ? { hot: planted.hot ?? 0, shards: planted.locks } : {})
  const server = await OrderServer.start(options)
  return HttpTarget.start({ name, destinations: server.destinations, requests, generators, signal, server })
}
