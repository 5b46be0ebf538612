/** A thread that sends HTTP requests, in an open loop (at the times of a Poisson process) or a closed one. */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '../threads/serve.js'
import { ThreadWatch } from '../threads/time.js'
import { Arrivals } from './arrivals.js'
import { type Connection, HttpConnection, type Outcome } from './connection.js'
import { GrpcConnection } from './grpc-connection.js'
import type { Destination, GeneratorSetup, Request, StepCommand, StepReply } from './protocol.js'
import { Tally, TIME_OUT_MS } from './tally.js'

/** Milliseconds between two searches for requests that have no answer. */
const SWEEP_MS = 50
/** Pause after a refused request, in ms: otherwise a closed loop would spin. */
const PAUSE_AFTER_FAILURE_MS = 10

await serve<GeneratorSetup, StepCommand, StepReply>(({ destinations, requests }) => {
  const connections: Connection[] = []
  return async command => {
    for (let i = connections.length; i < command.clients; i++) {
      connections.push(connectionTo(destinations[i % destinations.length], requests, i))
    }
    // Connections of an earlier, larger step are no clients of this one.
    for (const connection of connections.splice(command.clients)) connection.close()
    const watch = new ThreadWatch()
    const began = performance.now()
    const window = { from: began + command.warmUpMs, until: began + command.warmUpMs + command.ms }
    const tally = new Tally(window)
    const { rate, seed } = command
    if (rate === null) await closedLoop(connections, tally, window.until)
    else await openLoop(connections, tally, new Arrivals(rate, began, window.until, seed))
    return { counts: tally.counts(), time: watch.stop() }
  }
})

function connectionTo(destination: Destination, requests: readonly Request[], first: number): Connection {
  const { grpc } = destination
  return grpc === undefined ? new HttpConnection(destination, requests, first) : new GrpcConnection(destination, grpc)
}

/** Sends each request when it is due, if a client is free; otherwise the request waits for a client, in order. */
function openLoop(connections: readonly Connection[], tally: Tally, arrivals: Arrivals): Promise<void> {
  return new Promise(resolve => {
    // Clients take turns, so that each keeps its connection in use.
    const free = [...connections]
    const busy = new Set<Connection>()
    const waiting: number[] = []
    let first = 0
    const end = (connection: Connection, outcome: Outcome, intended: number, sent: number) => {
      const now = performance.now()
      busy.delete(connection)
      free.push(connection)
      if (outcome === 'succeeded') tally.succeeded(intended, sent, now)
      else tally.failed(outcome, intended, sent, now)
      pump()
    }
    const pump = () => {
      const now = performance.now()
      while (arrivals.due <= now) {
        if (first === waiting.length && free.length > 0) tally.late(arrivals.due, now)
        waiting.push(arrivals.due)
        arrivals.advance()
        if (free.length > 0) send(now)
      }
      while (first < waiting.length && free.length > 0) send(now)
      if (first > 1000 && first * 2 > waiting.length) {
        waiting.splice(0, first)
        first = 0
      }
    }
    const send = (now: number) => {
      const intended = waiting[first++]
      if (now - intended >= TIME_OUT_MS) {
        tally.failed('timedOut', intended, now, now)
        return
      }
      const connection = free.shift()!
      busy.add(connection)
      connection.send(intended, now, outcome => end(connection, outcome, intended, now))
    }
    let swept = performance.now()
    const tick = () => {
      const now = performance.now()
      if (now - swept >= SWEEP_MS) {
        swept = now
        for (const connection of [...busy]) connection.giveUp(now)
        while (first < waiting.length && now - waiting[first] >= TIME_OUT_MS) {
          const intended = waiting[first++]
          tally.failed('timedOut', intended, now, now)
        }
      }
      pump()
      if (arrivals.due === Number.POSITIVE_INFINITY && first === waiting.length && busy.size === 0) resolve()
      // Timers have a resolution of 1 ms, so a request may leave a millisecond late, which `lateness` shows.
      else setTimeout(tick, 1)
    }
    tick()
  })
}

/** Each client sends its next request as soon as it has the answer to the last: the server sets the pace. */
async function closedLoop(connections: readonly Connection[], tally: Tally, until: number): Promise<void> {
  const sweep = setInterval(() => {
    const now = performance.now()
    for (const connection of connections) connection.giveUp(now)
  }, SWEEP_MS)
  const client = async (connection: Connection) => {
    for (let sent = performance.now(); sent < until; sent = performance.now()) {
      const at = sent
      const outcome = await new Promise<Outcome>(resolve => connection.send(at, at, resolve))
      if (outcome === 'succeeded') {
        tally.succeeded(at, at, performance.now())
      } else {
        tally.failed(outcome, at, at, performance.now())
        await delay(PAUSE_AFTER_FAILURE_MS)
      }
    }
  }
  await Promise.all(connections.map(client))
  clearInterval(sweep)
}
