/**
 * What limits and metrics cost beside the packages' own stores: node packages/stores/build/test/programs/limits-cost.js [ROUNDS]. All variants take turns in one process;
 * the figures are nanoseconds of CPU time for one call, the best round of each. Then a hot key that workers check at once, in wall-clock time as well.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import rateLimitOfFastify from '@fastify/rate-limit'
import { Counter, Gauge, Histogram, SharedRegistry, Summary } from '@threadmap/stores/prometheus'
import { type AlgorithmName, Limits, RateLimit } from '@threadmap/stores/rate-limit'
import { SharedStore } from '@threadmap/stores/rate-limit/express'
import { sharedStore } from '@threadmap/stores/rate-limit/fastify'
import { RateLimiterShared } from '@threadmap/stores/rate-limit/flexible'
import { MemoryStore, type Options, type Store } from 'express-rate-limit'
import * as prom from 'prom-client'
import flexible from 'rate-limiter-flexible'
import type { HotKey } from './hot-key.js'

const ROUNDS = Number(process.argv[2] ?? 15)
const COUNT = 20_000
const ALGORITHMS: AlgorithmName[] = ['fixed-window', 'sliding-window', 'token-bucket']

type Loop = (key: (i: number) => string, count: number) => unknown

interface Pair {
  readonly theirs: Loop
  readonly ours: Loop
}

function expressStore(store: Store): Loop {
  void store.init?.({ windowMs: 3_600_000, limit: 1e6 } as Options)
  return async (key, count) => {
    for (let i = 0; i < count; i++) await store.increment(key(i))
  }
}

/** The plugin's own store is not exported: its class is taken from what the plugin makes. */
async function fastifyStore(Store: unknown): Promise<Loop> {
  const { default: LocalStore } = (await import('@fastify/rate-limit/store/LocalStore.js' as string)) as {
    default: new (...args: unknown[]) => { incr(...args: unknown[]): void }
  }
  const store =
    Store === undefined
      ? new LocalStore(false, false, 100_000)
      : new (Store as typeof LocalStore)({ continueExceeding: false })
  const done = () => {}
  return (key, count) => {
    for (let i = 0; i < count; i++) store.incr(key(i), done, 3_600_000, 1e6)
  }
}

function limiter(of: flexible.RateLimiterMemory | RateLimiterShared): Loop {
  return async (key, count) => {
    for (let i = 0; i < count; i++) await of.consume(key(i))
  }
}

function metrics(record: (kinds: typeof prom, registers: prom.Registry[]) => (route: string, i: number) => void): Pair {
  const loop = (kinds: unknown, registry: prom.Registry): Loop => {
    const one = record(kinds as typeof prom, [registry])
    return (key, count) => {
      for (let i = 0; i < count; i++) one(key(i), i)
    }
  }
  return {
    theirs: loop(prom, new prom.Registry()),
    ours: loop({ Counter, Gauge, Histogram, Summary }, new SharedRegistry()),
  }
}

void rateLimitOfFastify
const options = { points: 1e6, duration: 3600 }
const PAIRS: Record<string, Pair> = {
  'express-rate-limit increment': {
    theirs: expressStore(new MemoryStore()),
    ours: expressStore(new SharedStore({ limits: new Limits() })),
  },
  '@fastify/rate-limit incr': {
    theirs: await fastifyStore(undefined),
    ours: await fastifyStore(sharedStore({ limits: new Limits() })),
  },
  'rate-limiter-flexible consume': {
    theirs: limiter(new flexible.RateLimiterMemory(options)),
    ours: limiter(new RateLimiterShared({ ...options, limits: new Limits() })),
  },
  'prom-client counter.inc({ route })': metrics((kinds, registers) => {
    const counter = new kinds.Counter({ name: 'a', help: 'a', labelNames: ['route'], registers })
    return route => counter.inc({ route })
  }),
  'prom-client gauge.set({ route })': metrics((kinds, registers) => {
    const gauge = new kinds.Gauge({ name: 'a', help: 'a', labelNames: ['route'], registers })
    return (route, i) => gauge.set({ route }, i)
  }),
  'prom-client histogram.observe({ route })': metrics((kinds, registers) => {
    const histogram = new kinds.Histogram({ name: 'a', help: 'a', labelNames: ['route'], registers })
    return (route, i) => histogram.observe({ route }, (i % 100) / 20)
  }),
  'prom-client summary.observe({ route })': metrics((kinds, registers) => {
    const summary = new kinds.Summary({ name: 'a', help: 'a', labelNames: ['route'], registers })
    return (route, i) => summary.observe({ route }, ((i * 7919) % 1000) + 1)
  }),
}

const KEYS = Array.from({ length: 1024 }, (_, i) => `client ${i}`)
const ROUTES = KEYS.slice(0, 8)

/** Nanoseconds of CPU time for one call. */
async function cpu(loop: Loop, key: (i: number) => string): Promise<number> {
  const before = process.cpuUsage()
  await loop(key, COUNT)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / COUNT
}

let fresh = 0
const MIXES: Record<string, (i: number) => string> = {
  'known keys': i => KEYS[i & 1023],
  'a few series': i => ROUTES[i & 7],
  'new keys': () => `new ${fresh++}`,
}

console.log('one thread: ns of CPU time for one call, its own store / this one (how many times as long)')
for (const [name, { theirs, ours }] of Object.entries(PAIRS)) {
  for (const [mix, key] of Object.entries(MIXES)) {
    // New series of a metric are rare, and a few keys say nothing about a limit.
    if (name.startsWith('prom') !== (mix === 'a few series')) continue
    let [a, b] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let round = 0; round < ROUNDS; round++) {
      a = Math.min(a, await cpu(theirs, key))
      b = Math.min(b, await cpu(ours, key))
    }
    console.log(`${name}, ${mix}: ${a.toFixed(0)} / ${b.toFixed(0)} (${(b / a).toFixed(2)})`)
  }
}

console.log(
  '\none hot key: ns for one check of each worker, best and median round: wall clock; CPU time of all workers',
)
const LIMIT = { 'fixed-window': 8_388_607, 'sliding-window': 1_048_575, 'token-bucket': 8_388_607 }
const CHECKS = 40_000
const teams = await Promise.all(
  ALGORITHMS.flatMap(algorithm =>
    [1, 2].map(async threads => {
      const limit = new RateLimit({ limit: LIMIT[algorithm], window: 1e10, algorithm })
      const go = new Int32Array(new SharedArrayBuffer(4))
      const data: HotKey = { handle: limit.handle, go, threads, checks: CHECKS }
      const workers = Array.from(
        { length: threads },
        () => new Worker(new URL('./hot-key.js', import.meta.url), { workerData: data }),
      )
      await Promise.all(workers.map(worker => once(worker, 'message')))
      return {
        name: `${algorithm}, ${threads} ${threads === 1 ? 'worker' : 'workers'}`,
        workers,
        walls: [] as number[],
        cpus: [] as number[],
      }
    }),
  ),
)
for (let round = 0; round < ROUNDS; round++) {
  for (const { workers, walls, cpus } of teams) {
    const before = process.cpuUsage()
    const times = workers.map(async worker => {
      worker.postMessage('go')
      return (await once(worker, 'message'))[0] as number
    })
    walls.push(Math.max(...(await Promise.all(times))))
    const { user, system } = process.cpuUsage(before)
    cpus.push(((user + system) * 1000) / CHECKS / workers.length)
  }
}
const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1].toFixed(0)
for (const { name, workers, walls, cpus } of teams) {
  console.log(
    `${name}: ${Math.min(...walls).toFixed(0)} and ${median(walls)}; ${Math.min(...cpus).toFixed(0)} and ${median(cpus)}`,
  )
  for (const worker of workers) void worker.terminate()
}
