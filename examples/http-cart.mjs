// A check-then-act across an await in an HTTP handler: the fault, the report of threadmap/guard, and the fix.
//
//   node examples/http-cart.mjs          requests to both handlers: the wrong one loses items, and the guard says where
//
// The handlers put items into shopping carts in a plain Map. Between the read of the cart and the write the handler
// asks for the price, and meanwhile another request for the same cart runs.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { guard } from 'threadmap/guard'

/** In place of a database: an answer takes a few milliseconds. */
async function priceOf(item) {
  await pause(2 + (item.length % 5))
  return item.length
}

/** The fault: the handler writes back after the await the cart that it read before the await. */
export async function addWrong(carts, user, item) {
  const cart = carts.get(user) ?? []
  const price = await priceOf(item)
  carts.set(user, [...cart, { item, price }])
}

/** The fix: wait first, then read and write without an await in between, so that no other request runs there. */
export async function addRight(carts, user, item) {
  const price = await priceOf(item)
  const cart = carts.get(user) ?? []
  carts.set(user, [...cart, { item, price }])
}

/** POST /wrong/USER/ITEM and /right/USER/ITEM put an item into the user's cart, GET /USER returns the cart. */
export function serve(carts) {
  return createServer(async (request, response) => {
    const [first, user, item] = request.url.slice(1).split('/').map(decodeURIComponent)
    try {
      if (request.method === 'POST') await (first === 'right' ? addRight : addWrong)(carts, user, item)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(carts.get(request.method === 'POST' ? user : first) ?? []))
    } catch (error) {
      response.statusCode = 409
      response.end(String(error.message))
    }
  })
}

/** Puts four items into a cart by four requests at once, and returns the cart. */
export async function shop(origin, handler, user) {
  const items = ['tea', 'bread', 'apples', 'milk']
  await Promise.all(items.map(item => fetch(`${origin}/${handler}/${user}/${item}`, { method: 'POST' })))
  const response = await fetch(`${origin}/${user}`)
  return response.json()
}

if (
  process.argv[1] !== undefined &&
  import.meta.url.endsWith('/http-cart.mjs') &&
  process.argv[1].endsWith('http-cart.mjs')
) {
  const server = serve(guard(new Map(), { name: 'carts' }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${server.address().port}`
  const wrong = await shop(origin, 'wrong', 'ada')
  console.log(`wrong: ${wrong.length} of 4 items are in the cart`)
  const right = await shop(origin, 'right', 'bob')
  console.log(`right: ${right.length} of 4 items are in the cart, and the guard has nothing to say`)
  server.closeAllConnections()
  server.close()
}
