import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { CollectorWatch } from './collector.js'

/** The uses of one thread's time, as shares of the step (0 to 1). */
export interface ThreadTime {
  /** The event loop was not waiting for events; for a thread without an event loop: the thread was inside a request. */
  readonly active: number
  /** The thread ran on a core. Linux only. */
  readonly cpu?: number | undefined
  /** The thread could have run, but no core was free. Linux only. */
  readonly runDelay?: number | undefined
  /** The collector had stopped the thread. */
  readonly collector: number
  /** The thread waited for locks, if its program counts these waits. */
  readonly lockWait?: number | undefined
}

/**
 * Watches how the calling thread uses its time. An event loop counts as active also while its thread sleeps on a
 * lock or waits for a core, so Linux's own account of the thread is taken as well.
 */
export class ThreadWatch {
  readonly #began = performance.now()
  readonly #loop = performance.eventLoopUtilization()
  readonly #scheduled = scheduled()
  readonly #collector = new CollectorWatch()

  /** `lockWaitMs`: the time that this thread waited for locks, if the caller knows it. */
  stop(lockWaitMs?: number): ThreadTime & { readonly ms: number } {
    const ms = performance.now() - this.#began
    const now = scheduled()
    const pauses = this.#collector.stop().pauses.reduce((sum, pause) => sum + pause, 0)
    const share = (from: number | undefined, to: number | undefined) =>
      from === undefined || to === undefined ? undefined : (to - from) / 1e6 / ms
    return {
      ms,
      active: performance.eventLoopUtilization(this.#loop).utilization,
      cpu: share(this.#scheduled?.ran, now?.ran),
      runDelay: share(this.#scheduled?.waited, now?.waited),
      collector: pauses / ms,
      lockWait: lockWaitMs === undefined ? undefined : lockWaitMs / ms,
    }
  }
}

/** Nanoseconds that this thread ran, and that it waited for a core, as Linux counts them. */
function scheduled(): { readonly ran: number; readonly waited: number } | undefined {
  try {
    const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ').map(Number)
    return { ran, waited }
  } catch {
    return undefined
  }
}

/** Watches the processor time of this process and of the machine. */
export class ProcessorWatch {
  readonly #began = performance.now()
  readonly #own = process.cpuUsage()
  readonly #machine = machineTime()

  stop(): { readonly cores: number; readonly machine: number } {
    const own = process.cpuUsage(this.#own)
    const now = machineTime()
    const all = now.all - this.#machine.all
    return {
      cores: (own.user + own.system) / 1000 / (performance.now() - this.#began),
      machine: all > 0 ? 1 - (now.idle - this.#machine.idle) / all : 0,
    }
  }
}

function machineTime(): { readonly idle: number; readonly all: number } {
  let idle = 0
  let all = 0
  for (const { times } of cpus()) {
    idle += times.idle
    all += times.user + times.nice + times.sys + times.irq + times.idle
  }
  return { idle, all }
}
