/** The process of a link: connections and datagrams from its ports to their targets, worse by what it is told. */
import { unlinkSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { LOOPBACK } from '../processes/ports.js'
import { carry } from './carrier.js'
import { relay } from './datagrams.js'
import { DONE, type LinkCommand, type LinkPlan, type Route } from './protocol.js'

const plan: LinkPlan = JSON.parse(process.argv[2])
let quality = { delayMs: plan.delayMs, loss: plan.loss, isCut: plan.isCut }

/** Numbers in [0, 1) that a seed determines (Numerical Recipes' linear congruential generator). */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
const next = random(plan.seed)
const sockets = new Set<Socket>()

function listen({ port, target, host = LOOPBACK, targetHost = LOOPBACK, datagrams = false }: Route): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
    const far = connect({ host: targetHost, port: target, allowHalfOpen: true, noDelay: true })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    carry(near, far, () => quality, next)
    carry(far, near, () => quality, next)
    if (quality.isCut) for (const socket of [near, far]) socket.pause()
  })
  server.listen({ host, port, backlog: 1024 })
  if (datagrams) relay({ host, port, targetHost, target }, () => quality, next)
}

function obey({ drop = false, ...changes }: LinkCommand): void {
  quality = { ...quality, ...changes }
  for (const socket of sockets) {
    if (drop) socket.resetAndDestroy()
    else if (quality.isCut) socket.pause()
    else socket.resume()
  }
}

/** One command a connection. */
const control = createServer(socket => {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('error', () => {})
  socket.on('data', piece => {
    text += piece
    if (!text.endsWith('\n')) return
    obey(JSON.parse(text) as LinkCommand)
    socket.end(DONE)
  })
})

try {
  // Of an earlier link in this folder.
  unlinkSync(plan.control)
} catch {}
control.listen(plan.control)
for (const route of plan.routes) listen(route)
