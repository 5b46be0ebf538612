/**
 * `node --import @threadmap/lab/probe server.js` lets `threadmap lab step --target` look into that server: its event loops, collectors and
 * sockets, libuv's thread pool, and how long threads wait for locks of maps. The module runs in each thread of the program; a thread of
 * the probe's own listens on loopback, and a file that only the same user can read says where. It costs each thread a timer of
 * 100 ms and each HTTP request a counter.
 */
import { getEnvironmentData, isMainThread, setEnvironmentData, Worker, workerData } from 'node:worker_threads'
import { MEMORY_KEY } from './layout.js'
import { ProbeState } from './state.js'
import { watchThread } from './thread.js'

if (isMainThread) {
  const state = new ProbeState()
  setEnvironmentData(MEMORY_KEY, state.memory)
  // The probe's thread must not load the probe, nor whatever else the program's threads load.
  const reporter = new Worker(new URL('./reporter.js', import.meta.url), {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
    workerData: { isProbe: true, memory: state.memory },
    name: 'threadmap probe',
  })
  reporter.unref()
  reporter.on('error', error => process.stderr.write(`the probe of threadmap ended: ${String(error)}\n`))
  watchThread(state)
} else if (!(workerData as { isProbe?: boolean } | null)?.isProbe) {
  const memory = getEnvironmentData(MEMORY_KEY)
  if (memory instanceof SharedArrayBuffer) watchThread(new ProbeState(memory))
}
