/** Names what runs out in a server of another program. */

import type { Attribution, Link } from '../knee/attribution.js'
import {
  coresName,
  LATE_MS,
  LOOP_FULL,
  MACHINE_FULL,
  mapLockName,
  mostActive,
  NOTABLE_PART,
  percent,
  STARVED,
} from '../knee/attribution.js'
import type { Step } from '../series.js'
import { type ForeignThread, type Inner, mapLockWait } from '../series.js'

/** Share of the jobs given to libuv's pool that had to queue, from which on the pool is full. */
const POOL_FULL = 0.5
/** Processor time that threads beside the event loops had or waited for, in cores, from which on the pool computes rather than waits. */
const POOL_COMPUTES = 0.5
/** Part of P95 from which on a loop's lateness explains it: requests that come in bursts wait for each other long before the loop is full. */
const LATE_PART = 0.5
/** Requests in service at a time, from 1 up to which they are served one after another. */
const ONE_AT_A_TIME = 1.6

export const PROBE_HINT =
  'start it with "node --import @threadmap/lab/probe server.js" to see its event loops, thread pool, sockets and locks'

/**
 * The cause at the step `beyond` the knee. `alone` is the time of a request, in seconds, when one client sends one after another: times the
 * throughput it is the number of requests that are served at a time, which tells an async lock (one) from a pool or a limit (some).
 */
export function attributeForeign(
  steps: readonly Step[],
  beyond: number,
  cores: number,
  alone: number | null,
): Attribution {
  const [first, at] = [steps[0], steps[beyond]]
  const inner = at.resources.inner
  const threads = inner?.threads ?? []
  const link = (what: string, unit: string, figure: (step: Step) => number): Link => ({
    what,
    before: figure(first),
    beyond: figure(at),
    unit,
  })
  const share = (what: string, like: ForeignThread, of: (thread: ForeignThread) => number | undefined) =>
    link(what, '% of the time', step => {
      const found = step.resources.inner?.threads.find(
        ({ pid, tid, name }) => pid === like.pid && tid === like.tid && name === like.name,
      )
      return 100 * (found === undefined ? 0 : (of(found) ?? 0))
    })
  const outward: Link[] = [
    ...(inner?.inside === undefined
      ? []
      : [link('requests inside the server', '', e => e.resources.inner?.inside ?? 0)]),
    link('requests in progress', '', ({ inProgress }) => inProgress),
    link('requests waiting for a free client', '', ({ waiting }) => waiting),
    link('P95', 'ms', ({ latency }) => latency.p95),
    link('success', '%', ({ success }) => 100 * success),
  ]
  const ruledOut: string[] = []
  const found = (resource: Attribution['resource'], name: string, chain: readonly Link[]): Attribution => ({
    resource,
    name: inner?.seenBy === 'probe' || resource === null ? name : `${name}; ${PROBE_HINT}`,
    chain: [...chain, ...outward],
    ruledOut,
  })

  const loops = threads.filter(({ isLoop }) => isLoop)
  const others = threads.filter(({ isLoop }) => !isLoop)
  const loop = loops.reduce<ForeignThread | undefined>(
    (most, each) => ((each.active ?? 0) > (most?.active ?? -1) ? each : most),
    undefined,
  )
  // What they computed, and what they would have, had there been free cores.
  const poolComputes = others.reduce((sum, { cpu = 0, runDelay = 0 }) => sum + cpu + runDelay, 0)
  const pool = inner?.pool
  const isPoolFull = pool !== undefined && pool.queued >= POOL_FULL
  const isMachineFull = at.resources.machine >= MACHINE_FULL

  // A pool that computes may take the cores from the loops, which then look full.
  if (
    isPoolFull &&
    (loop === undefined || (loop.active ?? 0) < LOOP_FULL || poolComputes > (loop.cpu ?? 0) + (loop.runDelay ?? 0))
  ) {
    return found('thread pool', poolName(pool, poolComputes), [
      link('jobs that queue for the pool', '%', e => 100 * (e.resources.inner?.pool?.queued ?? 0)),
      link('a job takes', 'ms', e => e.resources.inner?.pool?.meanMs ?? 0),
      link("processor time of the pool's threads and V8's own", 'cores', e =>
        (e.resources.inner?.threads ?? [])
          .filter(({ isLoop }) => !isLoop)
          .reduce((sum, { cpu }) => sum + (cpu ?? 0), 0),
      ),
    ])
  }
  if (pool !== undefined) ruledOut.push(`${percent(pool.queued)} of the jobs for the thread pool queue`)
  if (loop !== undefined && (loop.active ?? 0) >= LOOP_FULL) return ofLoop(loop)
  if (loop !== undefined) ruledOut.push(`the event loops are at most ${percent(loop.active ?? 0)} active`)
  if (loop === undefined) {
    const hot = others.reduce<ForeignThread | undefined>(
      (most, each) => ((each.cpu ?? 0) > (most?.cpu ?? 0) ? each : most),
      undefined,
    )
    if (hot !== undefined && (hot.cpu ?? 0) + (hot.runDelay ?? 0) >= LOOP_FULL && (hot.cpu ?? 0) >= NOTABLE_PART) {
      const what =
        hot.tid === hot.pid
          ? `${hot.name}, which computes`
          : `${hot.name}, a worker or a thread of the pool, which computes`
      return found('event loop', what, [
        share('running on a core', hot, e => e.cpu),
        share('waiting for a core', hot, e => e.runDelay),
      ])
    }
    if (poolComputes >= LOOP_FULL && isMachineFull) {
      return found(
        'cores',
        `${coresName(at, cores)}: ${others.length} threads of the server wanted ${poolComputes.toFixed(1)} cores`,
        [coresLink()],
      )
    }
    if (hot !== undefined)
      ruledOut.push(`no thread of the server is busy for more than ${percent(hot.cpu ?? 0)} of the time`)
  }

  const starved = Math.max(0, ...[...threads, ...at.resources.generators].map(({ runDelay }) => runDelay ?? 0))
  if (starved >= STARVED && isMachineFull) return found('cores', coresName(at, cores), [coresLink()])
  const generator = mostActive(at.resources.generators)
  if (
    generator !== undefined &&
    generator.active >= LOOP_FULL &&
    at.lateness.p99 >= LATE_MS &&
    at.lateness.p99 >= first.lateness.p99
  ) {
    return found('load generator', 'the load generator itself: give it --generators, or a machine of its own', [
      link('load generator active', '%', e => 100 * (mostActive(e.resources.generators)?.active ?? 0)),
      link('sent late (P99)', 'ms', ({ lateness }) => lateness.p99),
    ])
  }
  if (loop !== undefined && (loop.lag ?? 0) >= LATE_PART * at.latency.p95) return ofLoop(loop)
  if (at.inProgress + at.waiting > 2 * (first.inProgress + first.waiting) && at.inProgress + at.waiting >= 1) {
    return found(...queueIn(inner, alone === null ? null : alone * at.throughput), [])
  }
  return found(null, 'nothing that was measured', [])

  function coresLink(): Link {
    return link('processor time of the machine', '%', ({ resources }) => 100 * resources.machine)
  }

  /** What a full event loop does with its time. */
  function ofLoop(hot: ForeignThread): Attribution {
    const { cpu, runDelay = 0, collector = 0, active = 0 } = hot
    const { mapLocks } = at.resources
    const chain = [
      share('event loop active', hot, e => e.active),
      link('the loop is late by (P99)', 'ms', step => {
        const there = step.resources.inner?.threads.find(
          ({ pid, threadId }) => pid === hot.pid && threadId === hot.threadId,
        )
        return there?.lag ?? 0
      }),
    ]
    if (mapLocks !== undefined) {
      const waiting = mapLockWait(at.resources)
      if (waiting >= NOTABLE_PART && waiting >= runDelay) {
        return found('lock', mapLockName(mapLocks), [
          link('workers waiting for it', '% of the time', ({ resources }) =>
            resources.mapLocks === undefined ? 0 : 100 * mapLockWait(resources),
          ),
          ...chain,
        ])
      }
      ruledOut.push(`locks of shared maps take ${percent(waiting)} of the threads' time`)
    }
    if (collector >= NOTABLE_PART && collector >= runDelay) {
      return found('collector', `the garbage collector of ${hot.name}`, [
        share('stopped by the collector', hot, e => e.collector),
        ...chain,
      ])
    }
    const asleep = cpu === undefined ? 0 : active - cpu - runDelay - collector
    if (runDelay >= NOTABLE_PART && runDelay >= asleep && runDelay > (cpu ?? 0) && isMachineFull) {
      return found('cores', coresName(at, cores), [
        coresLink(),
        share('waiting for a core', hot, e => e.runDelay),
        ...chain,
      ])
    }
    const isAsleep = asleep >= NOTABLE_PART && asleep >= (cpu ?? 0)
    const which = `the event loop of the ${hot.name.replace(/^the /, '')}`
    return found('event loop', isAsleep ? `${which}, blocked in synchronous calls` : `${which}, which computes`, [
      share('running on a core', hot, e => e.cpu),
      ...chain,
    ])
  }
}

function poolName({ size }: NonNullable<Inner['pool']>, computes: number): string {
  const what = computes >= POOL_COMPUTES ? 'it computes: zlib, crypto' : 'it waits: files, dns.lookup'
  return `libuv's thread pool of ${size} threads (${what})`
}

/** Requests wait, and nothing that was watched is full. */
function queueIn(inner: Inner | undefined, atATime: number | null): ['async lock' | 'queue', string] {
  const idle = inner === undefined || inner.seenBy === 'nothing' ? '' : ' while its threads are idle'
  if (atATime === null || !(atATime > 0)) return ['queue', `a queue inside the server${idle}`]
  if (inner?.seenBy === 'nothing')
    return ['queue', `a queue inside the server, which serves about ${atATime.toFixed(1)} requests at a time`]
  return atATime <= ONE_AT_A_TIME
    ? [
        'async lock',
        `requests that wait for each other${idle}: one is served at a time, as behind an async lock or one connection`,
      ]
    : [
        'queue',
        `requests that wait for each other${idle}: about ${Math.round(atATime)} are served at a time, as with a pool of that many connections`,
      ]
}
