/** The probe's part in each thread of the program: counts, and writes the figures into the shared memory. */
import { subscribe } from 'node:diagnostics_channel'
import { readlinkSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { basename } from 'node:path'
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads'
import { CHANNEL, MARK_HEADER, type Order, type Profiled } from './layout.js'
import { MapWatch } from './maps.js'
import { hotCode } from './profile.js'
import type { ProbeState } from './state.js'

const TICK_MS = 100

export function watchThread(state: ProbeState): void {
  const name = isMainThread ? 'main thread' : `worker ${threadId} (${basename(process.argv[1] ?? '')})`
  const row = state.claim(name)
  if (row === undefined) return
  state.set(row, 'threadId', threadId)
  state.set(row, 'tid', kernelId())
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  let collector = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) collector += duration
  })
  observer.observe({ entryTypes: ['gc'] })
  const maps = new MapWatch()
  let [requests, inside, insideSum, ticks] = [0, 0, 0, 0]
  let isWatched = false
  subscribe('http.server.request.start', message => {
    const { request } = message as { request: IncomingMessage }
    requests++
    inside++
    const mark = request.headers[MARK_HEADER]
    if (mark !== undefined) state.set(row, 'mark', Number(mark))
  })
  subscribe('http.server.response.finish', () => {
    inside--
  })
  const tick = () => {
    const { active, idle } = performance.eventLoopUtilization()
    insideSum += Math.max(0, inside)
    state.set(row, 'active', active)
    state.set(row, 'idle', idle)
    state.set(row, 'collector', collector)
    state.set(row, 'lag', delay.percentile(99) / 1e6)
    state.set(row, 'longest', delay.max / 1e6)
    state.set(row, 'requests', requests)
    state.set(row, 'insideSum', insideSum)
    state.set(row, 'ticks', ++ticks)
    if (!isWatched) return
    state.set(row, 'sockets', process.getActiveResourcesInfo().filter(type => type === 'TCPSocketWrap').length)
    for (const [field, value] of maps.figures()) state.set(row, field, value)
  }
  setInterval(tick, TICK_MS).unref()
  process.on('exit', () => state.set(row, 'ended', 1))
  const channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = event => {
    const order = (event as { data: Order | Profiled }).data
    if (order.to !== 'threads') return
    if (order.do === 'watch') {
      isWatched = true
      delay.reset()
      tick()
    } else if (order.threadId === threadId) {
      hotCode(order.ms).then(
        hot => channel.postMessage({ to: 'probe', threadId, hot } satisfies Profiled),
        () => channel.postMessage({ to: 'probe', threadId, hot: [] } satisfies Profiled),
      )
    }
  }
  channel.unref()
}

/** Linux's number of the calling thread, by which /proc has its processor time; 0 elsewhere. */
function kernelId(): number {
  try {
    return Number(basename(readlinkSync('/proc/thread-self')))
  } catch {
    return 0
  }
}
