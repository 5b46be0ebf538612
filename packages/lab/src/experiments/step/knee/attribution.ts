import { mean, total } from '@threadmap/workbench/statistics'
import type { ThreadTime } from '@threadmap/workbench/threads/time'
import { type MapLocks, mapLockWait, ownCores, type Resources, type Step } from '../series.js'

/** The resources that can run out. */
export type Resource =
  | 'connection pool'
  | 'lock'
  | 'async lock'
  | 'thread pool'
  | 'collector'
  | 'cores'
  | 'event loop'
  | 'load generator'
  | 'queue'

/** One measured series of the chain, from the first step to the one beyond the knee. */
export interface Link {
  readonly what: string
  readonly before: number
  readonly beyond: number
  readonly unit: string
}

export interface Attribution {
  /** Null: no measured resource is full. */
  readonly resource: Resource | null
  /** The resource with its number or state: `lock of shard 3`, `event loops, blocked`. */
  readonly name: string
  /** The chain from the cause to the latency of clients. */
  readonly chain: readonly Link[]
  /** Resources that are not the cause, and those that could not be watched. */
  readonly ruledOut: readonly string[]
}

/** An event loop that is active for more than this share of the time has no reserve, since arrivals come in bursts. */
export const LOOP_FULL = 0.85
/** A part of a full event loop's time that matters: without it, the loop would have a quarter of its time free. */
export const NOTABLE_PART = 0.25
/** Average share of the pool in use, above which the pool is at times used up. */
const POOL_FULL = 0.85
/** Share of the machine's processor time that is in use, above which the machine is full. */
export const MACHINE_FULL = 0.9
/** Our share of the processor time in use, below which other programs fill the machine. */
const OWN_SHARE = 0.6
/** A shard's share of all waiting for the locks of a map, from which on that shard's lock is the cause, not the locks in general. */
const HOT_PART = 0.5
/** A load generator that is at its limit sends late: the P99 of its lateness, in ms, from which on it can be the cause. */
export const LATE_MS = 1
/** Share of its time for which a thread waits for a core, from which on it does about half of its possible work. */
export const STARVED = 0.4

/**
 * Names the resource that is full at the step `beyond` the knee. Of several, the innermost: a full pool makes requests wait while
 * the loops idle; a full loop may be full because it waits for a lock, the collector, or a core.
 */
export function attribute(steps: readonly Step[], beyond: number, cores: number): Attribution {
  const first = steps[0]
  const at = steps[beyond]
  const { workers, generators, pool, locks, mapLocks } = at.resources
  const loop = mostActive(workers)
  const of = (part: (thread: ThreadTime) => number | undefined) => mean(workers.map(thread => part(thread) ?? 0))
  const link = (what: string, unit: string, figure: (step: Step) => number): Link => ({
    what,
    before: figure(first),
    beyond: figure(at),
    unit,
  })
  const loops = link(
    generators.length > 0 ? 'event loops active' : 'workers inside a request',
    '%',
    ({ resources }) => 100 * mean(resources.workers.map(({ active }) => active)),
  )
  const part = (what: string, figure: (thread: ThreadTime) => number | undefined) =>
    link(what, '% of the time', ({ resources }) => 100 * mean(resources.workers.map(each => figure(each) ?? 0)))
  const outward: Link[] = [
    link('requests in progress', '', ({ inProgress }) => inProgress),
    link('requests waiting for a free client', '', ({ waiting }) => waiting),
    link('P95', 'ms', ({ latency }) => latency.p95),
    link('success', '%', ({ success }) => 100 * success),
  ]
  const ruledOut: string[] = []
  const found = (resource: Resource | null, name: string, inner: readonly Link[]): Attribution => ({
    resource,
    name,
    chain: [...inner, ...outward],
    ruledOut,
  })

  if (loop !== undefined && loop.active >= LOOP_FULL) {
    if (pool !== undefined)
      ruledOut.push(`the pool (${percent(pool.inUse / pool.size)} in use) waits for the full loop`)
    const delayed = of(each => each.runDelay)
    const computing = of(each => each.cpu)
    const collecting = of(each => each.collector)
    const locked = of(each => each.lockWait)
    // In the rest of an active loop's time the thread sleeps in a call. Where Linux does not tell, it may as well compute.
    const known = workers.every(each => each.cpu !== undefined)
    const asleep = known ? of(each => each.active) - computing - delayed - collecting - locked : 0
    if (locked >= NOTABLE_PART && locked >= delayed && locks !== undefined) {
      const shard = locks.waiting.indexOf(Math.max(...locks.waiting))
      const name = locks.waiting.length === 1 ? 'the one global lock (of shard 0)' : `lock of shard ${shard}`
      return found('lock', name, [
        link(`${name} held`, '% of the time', ({ resources }) => 100 * (resources.locks?.held[shard] ?? 0)),
        part('workers waiting for it', each => each.lockWait),
        loops,
      ])
    }
    if (mapLocks !== undefined) {
      const waiting = mapLockWait(at.resources)
      if (waiting >= NOTABLE_PART && waiting >= delayed) {
        return found('lock', mapLockName(mapLocks), [
          link('waits for locks of the map', 'per request', e => total(e.resources.mapLocks?.waits ?? [])),
          link('workers waiting for them', '% of the time', ({ resources }) => 100 * mapLockWait(resources)),
          loops,
        ])
      }
      ruledOut.push(`locks of the map take ${percent(waiting)} of the workers' time`)
    }
    // A pause lasts longer where the collector has no core.
    if (collecting >= NOTABLE_PART && collecting >= delayed) {
      return found('collector', 'the garbage collector', [part('stopped by the collector', e => e.collector), loops])
    }
    if (delayed >= NOTABLE_PART && delayed >= asleep && at.resources.machine >= MACHINE_FULL) {
      return found('cores', coresName(at, cores), [coresLink(link), part('waiting for a core', e => e.runDelay), loops])
    }
    const blocked = asleep >= NOTABLE_PART && asleep >= computing
    const what = generators.length > 0 ? 'event loop' : 'worker'
    const which = workers.length === 1 ? `the ${what}` : `the ${what}s of ${workers.length} workers`
    const state = blocked ? ', blocked in synchronous calls' : ''
    return found('event loop', `${which}${state}`, [part('running on a core', e => e.cpu), loops])
  }
  if (loop !== undefined) ruledOut.push(`the workers are only ${percent(loop.active)} active`)

  if (pool !== undefined && pool.inUse / pool.size >= POOL_FULL && pool.waiting >= 1) {
    return found('connection pool', `the pool of ${pool.size} connections`, [
      link('connections in use', '%', ({ resources }) => (100 * (resources.pool?.inUse ?? 0)) / pool.size),
      link('requests waiting for a connection', '', ({ resources }) => resources.pool?.waiting ?? 0),
    ])
  }
  // A thread that sleeps until events come, and then gets no core, does not count as active.
  const starved = Math.max(0, ...[...workers, ...generators].map(({ runDelay }) => runDelay ?? 0))
  if (starved >= STARVED && at.resources.machine >= MACHINE_FULL) {
    const waiting = link(
      'waiting for a core, the thread that waits most',
      '% of the time',
      ({ resources }) =>
        100 * Math.max(0, ...[...resources.workers, ...resources.generators].map(({ runDelay }) => runDelay ?? 0)),
    )
    return found('cores', coresName(at, cores), [coresLink(link), waiting])
  }
  const generator = mostActive(generators)
  const generatorActive = link(
    'load generator active',
    '%',
    e => 100 * (mostActive(e.resources.generators)?.active ?? 0),
  )
  const isLate = at.lateness.p99 >= LATE_MS && at.lateness.p99 >= first.lateness.p99
  if (generator !== undefined && generator.active >= LOOP_FULL && isLate) {
    return found('load generator', 'the load generator itself: give it --generators, or a machine of its own', [
      generatorActive,
      link('sent late (P99)', 'ms', ({ lateness }) => lateness.p99),
    ])
  }
  if (generator !== undefined) {
    const isFull = generator.active >= LOOP_FULL
    ruledOut.push(
      isFull
        ? `the load generator is ${percent(generator.active)} active, but sends on time (P99 ${digits(at.lateness.p99)} ms late)`
        : `the load generator is only ${percent(generator.active)} active`,
    )
  }
  if (at.inProgress + at.waiting > 2 * (first.inProgress + first.waiting) && at.inProgress + at.waiting >= 1) {
    return found('queue', 'a queue', [])
  }
  return found(null, 'nothing that was measured', [])
}

/** The shard that most of the waiting is for, or a note that the waiting is spread. */
export function mapLockName({ waiting }: MapLocks): string {
  if (waiting.length === 1) return 'the one lock of the map'
  const most = Math.max(...waiting)
  const part = most / total(waiting)
  const shard = waiting.indexOf(most)
  if (part >= HOT_PART) return `lock of shard ${shard} of the map's ${waiting.length}`
  return `the locks of the map's ${waiting.length} shards (shard ${shard} has most: ${percent(part)} of the waiting)`
}

export function coresName({ resources }: Step, cores: number): string {
  const own = ownCores(resources) / cores
  if (own < OWN_SHARE) return `the cores, ${percent(1 - own)} of whose time other programs have`
  return resources.generators.length > 0 ? 'the cores, which load generator and server share' : 'the cores'
}

function coresLink(link: (what: string, unit: string, figure: (step: Step) => number) => Link): Link {
  return link('processor time of the machine', '%', ({ resources }) => 100 * resources.machine)
}

export function mostActive(threads: Resources['workers']): ThreadTime | undefined {
  return threads.reduce<ThreadTime | undefined>(
    (most, thread) => (most === undefined || thread.active > most.active ? thread : most),
    undefined,
  )
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}%`
}

/** The chain as one line: `connections in use 12% -> 100%; ...`; without the first figure if there is none. */
export function chainText({ chain }: Attribution): string {
  return chain
    .map(({ what, before, beyond, unit }) => {
      const figure = (value: number) => `${digits(value)}${unit.startsWith('%') ? unit : unit && ` ${unit}`}`
      return before === beyond ? `${what} ${figure(beyond)}` : `${what} ${digits(before)} -> ${figure(beyond)}`
    })
    .join('; ')
}

function digits(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2)
}
