/** Watches a server of another program, as far as its probe and the system tell of it. */
import { randomInt } from 'node:crypto'
import type { Server } from '@threadmap/workbench/load/http-target'
import { request } from 'undici'
import { MARK_HEADER, type ProbeFigures } from '../../../probe/layout.js'
import type { Foreign } from '../load/foreign.js'
import type { ForeignThread, Inner, Resources } from '../series.js'
import { type Probe, probes } from './probe-client.js'
import { backlogOf, serversOn, type ThreadTimes, threadTimes } from './system.js'

/** Marked requests: the processes of a cluster take turns. */
const MARKS = 12

export type ForeignFigures = Pick<Resources, 'workers' | 'inner' | 'mapLocks'>

export class ForeignServer implements Server<ForeignFigures> {
  readonly workers: number
  readonly #probes: readonly Probe[]
  readonly #pids: readonly number[]
  readonly #port: number
  #before: readonly ThreadTimes[] = []
  #began = 0

  private constructor(found: readonly Probe[], pids: readonly number[], port: number, workers: number) {
    this.#probes = found
    this.#pids = pids
    this.#port = port
    this.workers = workers
  }

  /** Looks for the server's processes. Nothing is known of a server on another machine. */
  static async find(foreign: Foreign): Promise<ForeignServer> {
    if (foreign.remote) return new ForeignServer([], [], 0, 0)
    const { port, protocol } = new URL(foreign.url)
    const number = Number(port) || (protocol === 'https:' ? 443 : 80)
    const found = await marked(foreign)
    const figures = (await Promise.all(found.map(each => each.figures()))).filter(each => each !== undefined)
    const pids = [...new Set([...serversOn(number), ...figures.map(({ pid }) => pid)])]
    return new ForeignServer(
      found,
      pids,
      number,
      figures.reduce((sum, { threads }) => sum + threads.length, 0),
    )
  }

  async watch(): Promise<void> {
    await Promise.all(this.#probes.map(each => each.watch()))
    this.#before = threadTimes(this.#pids)
    this.#began = performance.now()
  }

  async figures(): Promise<ForeignFigures> {
    const ms = performance.now() - this.#began
    const times = this.#times(ms)
    const backlog = this.#port === 0 ? undefined : backlogOf(this.#port)
    const replies = (await Promise.all(this.#probes.map(each => each.figures()))).filter(each => each !== undefined)
    // Where the system tells of threads, one that it does not know has been terminated.
    const isThere = (pid: number, tid: number) =>
      times.length === 0 || times.some(each => each.pid === pid && each.tid === tid)
    const loops = replies.flatMap(({ pid, threads }) =>
      threads.filter(({ tid }) => isThere(pid, tid)).map(each => ({ ...each, pid })),
    )
    const threads = [
      ...loops.map(({ pid, tid, ...each }): ForeignThread => {
        const time = times.find(one => one.pid === pid && one.tid === tid)
        const { cpu, runDelay } = time ?? {}
        return { pid, tid, isLoop: true, cpu, runDelay, ...each }
      }),
      ...times
        .filter(({ pid, tid }) => !loops.some(loop => loop.pid === pid && loop.tid === tid))
        .map(({ pid, tid, name, cpu, runDelay }): ForeignThread => {
          const about = tid === pid ? `the main thread of process ${pid}` : `thread ${tid} of process ${pid} (${name})`
          return { pid, tid, name: about, isLoop: false, cpu, runDelay }
        }),
    ]
    const inner: Inner = {
      seenBy: replies.length > 0 ? 'probe' : times.length > 0 ? 'system' : 'nothing',
      threads,
      pool: poolOf(replies),
      inside: replies.length === 0 ? undefined : loops.reduce((sum, { inside }) => sum + inside, 0),
      sockets: replies.length === 0 ? undefined : loops.reduce((sum, { sockets }) => sum + sockets, 0),
      backlog,
    }
    const workers = threads
      .filter(({ isLoop }) => isLoop)
      .map(({ active = 0, cpu, runDelay, collector = 0 }) => ({ active, cpu, runDelay, collector }))
    return { workers, inner, ...locksOf(loops) }
  }

  /** The code in which a thread spends its time, if its process has a probe. */
  async profile(thread: ForeignThread, ms: number) {
    const all = await Promise.all(
      this.#probes.map(async each => {
        const figures = await each.figures()
        return figures?.pid === thread.pid && thread.threadId !== undefined ? each.profile(thread.threadId, ms) : []
      }),
    )
    return all.flat()
  }

  async stop(): Promise<void> {}

  #times(ms: number) {
    return threadTimes(this.#pids).map(now => {
      const was = this.#before.find(({ pid, tid }) => pid === now.pid && tid === now.tid)
      return { ...now, cpu: (now.ran - (was?.ran ?? 0)) / ms, runDelay: (now.waited - (was?.waited ?? 0)) / ms }
    })
  }
}

/** The probes of the processes that serve the target: they see a number that only this request has. */
async function marked({ url }: Foreign): Promise<Probe[]> {
  const all = probes()
  if (all.length === 0) return []
  const found = new Set<Probe>()
  for (let i = 0; i < MARKS; i++) {
    const mark = randomInt(1, 2 ** 47)
    try {
      const { body } = await request(url, { headers: { [MARK_HEADER]: String(mark) } })
      await body.dump()
    } catch {
      // The load that follows says what is wrong with the server.
      return [...found]
    }
    const seen = await Promise.all(all.map(each => each.hasSeen(mark)))
    for (const [at, each] of all.entries()) if (seen[at]) found.add(each)
  }
  return [...found]
}

function poolOf(replies: readonly ProbeFigures[]): Inner['pool'] {
  // Of several processes, each with a pool of its own, the one whose pool makes most jobs wait.
  return replies.map(({ pool }) => pool).sort((a, b) => b.queued - a.queued)[0]
}

/** The locks of the maps that were shared: those of the thread whose maps are waited for most. */
function locksOf(loops: readonly ProbeFigures['threads'][number][]): Pick<Resources, 'mapLocks'> {
  const [most] = loops.filter(({ shards }) => shards > 0).sort((a, b) => b.lockWaiting - a.lockWaiting)
  if (most === undefined) return {}
  const requests = Math.max(
    1,
    loops.reduce((sum, each) => sum + each.requests, 0),
  )
  const waiting = Array.from({ length: most.shards }, (_, shard) =>
    shard === most.hotShard
      ? most.hotShardWaiting
      : (most.lockWaiting - most.hotShardWaiting) / Math.max(1, most.shards - 1),
  )
  return { mapLocks: { waiting, waits: waiting.map(() => most.lockWaits / requests / most.shards) } }
}
