/** A link as a process of its own, so that its work takes no time from the one that measures: `node program.js PLAN`. */
import { connect, createServer, type Socket } from 'node:net'
import { random } from '@threadmap/workbench/workload'
import { LOOPBACK } from '../processes/ports.js'
import { carry } from './carrier.js'
import type { LinkPlan } from './protocol.js'

const plan = JSON.parse(process.argv[2]) as LinkPlan
const next = random(plan.seed)
const sockets = new Set<Socket>()
/** SIGUSR2 cuts the link, and joins it again: nothing passes, and nobody is told, as with a cable that is pulled. */
let isCut = false

const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
  const far = connect({ host: LOOPBACK, port: plan.target, allowHalfOpen: true, noDelay: true })
  for (const socket of [near, far]) {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  carry(near, far, plan, next)
  carry(far, near, plan, next)
  if (isCut) for (const socket of [near, far]) socket.pause()
})
server.listen({ host: LOOPBACK, port: plan.port, backlog: 1024 })

process.on('SIGUSR2', () => {
  isCut = !isCut
  for (const socket of sockets) {
    if (isCut) socket.pause()
    else socket.resume()
  }
})
