import type { Request } from '@threadmap/workbench/load/protocol'
import { type ConcurrentMap, json } from 'threadmap'

/** The entries of the order API's map: the stock of products, and orders. */
export type Entry =
  | { readonly type: 'product'; readonly name: string; readonly stock: number }
  | { readonly type: 'order'; readonly product: number; readonly quantity: number; readonly at: number }

export const entry = json<Entry>()
export const PRODUCTS = 1000
/** Orders in the map: later orders overwrite old ones, so that the map keeps its size. */
const ORDERS_PER_WORKER = 10_000
const STOCK = 1e9
export const CAPACITY = PRODUCTS + 4 * ORDERS_PER_WORKER

export type Orders = ConcurrentMap<string, Entry>

export function stock(map: Orders): void {
  for (let i = 0; i < PRODUCTS; i++) map.set(`product:${i}`, { type: 'product', name: `product ${i}`, stock: STOCK })
}

export function product(map: Orders, id: number): Entry | undefined {
  return map.get(`product:${id}`)
}

/** Takes from the stock and stores an order. Returns the order's key; undefined if there is no such product. */
export function order(map: Orders, worker: number, number: number, id: number, quantity: number): string | undefined {
  const left = map.update(`product:${id}`, current =>
    current?.type === 'product' ? { ...current, stock: current.stock - quantity } : current,
  )
  if (left === undefined) return undefined
  const key = `order:${worker}:${number % ORDERS_PER_WORKER}`
  map.set(key, { type: 'order', product: id, quantity, at: number })
  return key
}

/** One request in this many is an order; the others look a product up. */
export const REQUESTS_PER_ORDER = 5

/** The shard that is hot, where a hot shard is planted. */
export const HOT_SHARD = 7

/** The product of the `number`th request: all products take turns, in an order that jumps. */
export function productOf(number: number): number {
  return (number * 379) % PRODUCTS
}

/** Requests that go to all products in turns; with `hot`, that share of them goes to the products of one shard. */
export function orderRequests({ hot = 0, shards = 1 }: { hot?: number; shards?: number } = {}): Request[] {
  return Array.from({ length: PRODUCTS }, (_, i) => {
    // Spread evenly, so that there are no stretches without a hot request.
    const isHot = Math.floor((i + 1) * hot) > Math.floor(i * hot)
    const id = isHot ? (HOT_SHARD % shards) + shards * (i % Math.floor(PRODUCTS / shards)) : productOf(i)
    if (i % REQUESTS_PER_ORDER > 0) return { method: 'GET', path: `/products/${id}` }
    return { method: 'POST', path: '/orders', body: JSON.stringify({ product: id, quantity: 1 }) }
  })
}
