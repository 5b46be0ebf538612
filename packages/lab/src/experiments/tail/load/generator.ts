/** The thread that sends each request of the traffic to all servers at once, in an open loop. */
import { serve } from '@threadmap/workbench/threads/serve'
import { CLIENT_MS } from '../plan.js'
import { pathOf, STATUS } from '../server/protocol.js'
import { Clients } from './client.js'
import { type Answers, Came, type LoadCommand, type LoadReply, type LoadSetup } from './protocol.js'

/** Milliseconds between two searches for requests that have no answer. */
const SWEEP_MS = 50

await serve<LoadSetup, LoadCommand, LoadReply>(({ servers }) => async ({ traffic, begin }) => {
  const { at, key, writes, turn } = traffic
  const clients = servers.map(ports => ports.map(port => new Clients(port)))
  const answers = servers.map(
    (): Answers => ({
      latency: new Float32Array(at.length),
      came: new Uint8Array(at.length),
      age: new Float32Array(at.length),
    }),
  )
  const lateness = new Float32Array(at.length)
  const inProgress = new Map<number, () => void>()
  let problem: string | undefined
  const began = begin - performance.timeOrigin

  const send = (request: number, server: number) => {
    const { latency, came, age } = answers[server]
    const isWrite = writes[request] === 1
    const workers = clients[server]
    let ended = false
    const giveUp = workers[turn[request] % workers.length].send(
      isWrite ? 'POST' : 'GET',
      pathOf(key[request], isWrite ? request : undefined),
      (status, body) => {
        latency[request] = performance.now() - began - at[request]
        came[request] = cameOf(status)
        if (status === STATUS.answered) age[request] = Number(body)
        else if (status === STATUS.failed && body !== '') problem ??= body
        ended = true
        inProgress.delete(request * servers.length + server)
      },
    )
    if (!ended) inProgress.set(request * servers.length + server, giveUp)
  }
  await new Promise<void>(resolve => {
    let next = 0
    let swept = 0
    const tick = () => {
      const now = performance.now() - began
      for (; next < at.length && at[next] <= now; next++) {
        lateness[next] = now - at[next]
        // Servers take turns in being first.
        for (let i = 0; i < servers.length; i++) send(next, (next + i) % servers.length)
      }
      if (now - swept >= SWEEP_MS) {
        swept = now
        // The map is in the order in which requests were sent.
        for (const [id, giveUp] of inProgress) {
          if (now - at[Math.floor(id / servers.length)] < CLIENT_MS) break
          giveUp()
        }
      }
      if (next === at.length && inProgress.size === 0) resolve()
      else setTimeout(tick, Math.max(1, Math.min(next < at.length ? at[next] - now : SWEEP_MS, SWEEP_MS)))
    }
    tick()
  })
  for (const each of clients.flat()) each.close()
  return { answers, lateness, problem }
})

function cameOf(status: number | undefined): number {
  switch (status) {
    case STATUS.answered:
      return Came.answered
    case STATUS.refused:
      return Came.refused
    case STATUS.busy:
      return Came.busy
    case undefined:
      return Came.timedOut
    default:
      return Came.failed
  }
}
