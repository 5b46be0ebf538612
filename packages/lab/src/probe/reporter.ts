/** The probe's own thread: answers the lab on loopback, whatever the program's threads do, and tries the thread pool. */
import { randomBytes } from 'node:crypto'
import { rmSync, stat, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BroadcastChannel, workerData } from 'node:worker_threads'
import {
  type Ask,
  CHANNEL,
  type Order,
  type PoolFigures,
  type ProbeFigures,
  type ProbeFile,
  type Profiled,
  probeFileName,
} from './layout.js'
import { ProbeState } from './state.js'

/** Pause between two jobs that try the pool. */
const JOB_PAUSE_MS = 20
/** A job that takes longer had to queue: by itself it takes some hundredths of a millisecond. */
const QUEUED_MS = 2
/** Without figures for this long, which are due every 100 ms, the thread's loop does not turn. */
const STUCK_MS = 400
/** Without an order for this long, nobody watches. */
const WATCHED_MS = 60_000
const USUAL_POOL = 4

const state = new ProbeState((workerData as { memory: SharedArrayBuffer }).memory)
const token = randomBytes(16).toString('hex')
const file = join(tmpdir(), probeFileName(process.pid))
const channel = new BroadcastChannel(CHANNEL)
const waiting = new Map<number, (profiled: Profiled) => void>()
channel.onmessage = event => {
  const message = (event as { data: Order | Profiled }).data
  if (message.to === 'probe') waiting.get(message.threadId)?.(message)
}

let before = state.rows()
let [jobs, jobMs, queued] = [0, 0, 0]
let watchedUntil = 0
let watchedSince = 0

/** The pool is the process's, so this thread's jobs queue behind the program's. */
function tryPool(): void {
  if (performance.now() > watchedUntil) {
    setTimeout(tryPool, JOB_PAUSE_MS)
    return
  }
  const began = performance.now()
  stat('.', () => {
    const ms = performance.now() - began
    jobs++
    jobMs += ms
    if (ms > QUEUED_MS) queued++
    setTimeout(tryPool, JOB_PAUSE_MS)
  })
}
tryPool()

function pool(): PoolFigures {
  const size = Number(process.env.UV_THREADPOOL_SIZE) || USUAL_POOL
  return { size, jobs, meanMs: jobs > 0 ? jobMs / jobs : 0, queued: jobs > 0 ? queued / jobs : 0 }
}

function figures(): ProbeFigures {
  const threads = state.rows().flatMap((now, at) => {
    const was = before[at]
    const rise = (field: Exclude<keyof typeof now, 'name'>) => now[field] - (was?.[field] ?? 0)
    const ms = rise('active') + rise('idle')
    if (now.ended > 0) return []
    // A loop that does not turn writes no figures: a thread that takes one message after another, or is in one long call.
    const missing = Math.max(0, performance.now() - watchedSince - ms)
    const stuck = missing > STUCK_MS ? missing : 0
    if (!(ms + stuck > 0)) return []
    return {
      name: now.name,
      threadId: now.threadId,
      tid: now.tid,
      active: (rise('active') + stuck) / (ms + stuck),
      collector: rise('collector') / (ms + stuck),
      lag: now.lag,
      longest: now.longest,
      requests: rise('requests'),
      inside: rise('insideSum') / Math.max(1, rise('ticks')),
      sockets: now.sockets,
      lockWaits: rise('lockWaits'),
      lockWaiting: rise('lockWaitMs') / (ms + stuck),
      hotShard: now.hotShard,
      hotShardWaiting: (was?.hotShard === now.hotShard ? rise('hotShardMs') : now.hotShardMs) / (ms + stuck),
      shards: now.shards,
    }
  })
  return { pid: process.pid, threads, pool: pool() }
}

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.do) {
    case 'marked':
      return { marked: state.rows().some(({ mark }) => mark === ask.mark) }
    case 'watch':
      channel.postMessage({ to: 'threads', do: 'watch' } satisfies Order)
      before = state.rows()
      ;[jobs, jobMs, queued] = [0, 0, 0]
      watchedSince = performance.now()
      watchedUntil = watchedSince + WATCHED_MS
      return {}
    case 'figures':
      return figures()
    case 'profile': {
      const { threadId, ms } = ask
      const profiled = new Promise<Profiled>(resolve => waiting.set(threadId, resolve))
      channel.postMessage({ to: 'threads', do: 'profile', threadId, ms } satisfies Order)
      const limit = new Promise<undefined>(resolve => setTimeout(resolve, 3 * ms + 2000))
      return { hot: (await Promise.race([profiled, limit]))?.hot ?? [] }
    }
  }
}

const MOST_BYTES = 10_000

function converse(socket: Socket): void {
  let text = ''
  socket.setEncoding('utf8').on('data', async (part: string) => {
    text += part
    if (text.length > MOST_BYTES) socket.destroy()
    const end = text.indexOf('\n')
    if (end < 0) return
    const line = text.slice(0, end)
    text = text.slice(end + 1)
    try {
      const ask = JSON.parse(line) as Ask
      // Any program on this machine can connect; only those that can read the file know the token.
      if (ask.token !== token) socket.destroy()
      else socket.write(`${JSON.stringify(await answer(ask))}\n`)
    } catch {
      socket.destroy()
    }
  })
  socket.on('error', () => socket.destroy())
}

const server = createServer(converse)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  // Not written through a link that another user may have put there.
  rmSync(file, { force: true })
  writeFileSync(file, JSON.stringify({ pid: process.pid, port, token } satisfies ProbeFile), {
    mode: 0o600,
    flag: 'wx',
  })
})
process.on('exit', () => rmSync(file, { force: true }))
