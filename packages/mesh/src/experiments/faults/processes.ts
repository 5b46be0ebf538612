/** Faults of processes: killed, stopped. */
import { setTimeout as delay } from 'node:timers/promises'
import { childrenOf } from '../../processes/tied.js'
import type { Side } from '../../subjects/subject.js'
import { type Fault, SUPERVISOR_MS, type Target } from './fault.js'

const STOPPED_MS = 1000

/** SIGKILL of a sidecar, which is started again by our supervisor. */
function killing(side: Side): Fault['plant'] {
  return async ({ running: { pair } }: Target) => {
    await pair.processes[side].kill()
    await delay(SUPERVISOR_MS)
    await pair.restart(side)
    return {}
  }
}

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'kill-server',
    title: "SIGKILL of the server's sidecar",
    pair: 'retries',
    inQuick: true,
    seconds: 1.2,
    plant: killing('server'),
  },
  {
    name: 'kill-client',
    title: "SIGKILL of the client's sidecar",
    pair: 'as it comes',
    seconds: 1.2,
    plant: killing('client'),
  },
  {
    name: 'kill-worker',
    title: 'SIGKILL of a worker',
    pair: 'as it comes',
    seconds: 0.7,
    share: 0.4,
    lack: ({ pair }) =>
      childrenOf(pair.processes.server.pid).length === 0 ? 'it has one process, no worker' : undefined,
    async plant({ running: { pair } }) {
      const { server } = pair.processes
      const [worker] = childrenOf(server.pid)
      process.kill(worker, 'SIGKILL')
      await delay(SUPERVISOR_MS)
      if (server.isRunning) return { note: 'the process that started it goes on' }
      await pair.restart('server')
      return { note: 'the process that started it ends too' }
    },
  },
  {
    name: 'stop',
    title: `SIGSTOP of the server's sidecar for ${STOPPED_MS / 1000} s`,
    pair: 'as it comes',
    seconds: STOPPED_MS / 1000,
    async plant({ running: { pair } }) {
      const { server } = pair.processes
      const all = [server.pid, ...childrenOf(server.pid)]
      for (const pid of all) process.kill(pid, 'SIGSTOP')
      await delay(STOPPED_MS)
      for (const pid of all) process.kill(pid, 'SIGCONT')
      return {}
    },
  },
]
