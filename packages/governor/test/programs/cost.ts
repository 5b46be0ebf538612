/**
 * What the governor costs: node packages/governor/build/test/programs/cost.js [ROUNDS]. Prints JSON. Each figure compares variants that run in turns in one
 * process, by CPU time, and takes the best round of each.
 */
import { Governor } from '@threadmap/governor'
import { FastMap, f64, string } from 'threadmap'
import { Leader } from '#governor/leader.js'
import { checkOptions } from '#governor/options.js'
import { bucketOf } from '#governor/shared/latency.js'
import { COUNTERS } from '#governor/shared/layout.js'
import { Room } from '#governor/shared/room.js'

const ROUNDS = Number(process.argv[2] ?? 15)
const KEYS = Array.from({ length: 1024 }, (_, i) => `user:${i}`)

/** Nanoseconds of CPU time for one of `count` operations. */
async function cpu(count: number, run: (count: number) => unknown): Promise<number> {
  const before = process.cpuUsage()
  await run(count)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / count
}

/** The best round of each variant; the variants take turns. */
async function best(
  count: number,
  variants: Record<string, (count: number) => unknown>,
  rounds = ROUNDS,
  resting = 1,
): Promise<Record<string, number>> {
  const least: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(variants)) {
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, await cpu(count, run))
      // Timers run here, after each round or every so many: the governor publishes keys, and looks.
      if (round % resting === 0) await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
  return least
}

const governor = new Governor({ objective: { p99: 50 } })

/** Calls `operation` again and again, by itself or through the governor. */
function loops(operation: (key: string) => Promise<unknown>) {
  return {
    plain: async (count: number) => {
      for (let i = 0; i < count; i++) await operation(KEYS[i & 1023])
    },
    read: async (count: number) => {
      for (let i = 0; i < count; i++) await governor.read(KEYS[i & 1023], operation)
    },
    write: async (count: number) => {
      for (let i = 0; i < count; i++) await governor.write(KEYS[i & 1023], operation)
    },
  }
}

const trivial = await best(
  100_000,
  loops(async key => key),
)

/** About 20 us of work. */
let sink = 0
function work(): void {
  for (let i = 0; i < 4000; i++) sink = (Math.imul(sink, 1664525) + i) | 0
}
const job = await best(
  1500,
  loops(async () => work()),
  // Some percent of a longer job are hard to see: more rounds.
  ROUNDS * 4,
)

const watched = new FastMap({ key: string, value: f64 })
const unwatched = new FastMap({ key: string, value: f64 })
for (const [i, key] of KEYS.entries()) {
  watched.set(key, i)
  unwatched.set(key, i)
}
governor.watch(watched)
function gets(map: FastMap<string, number>) {
  return (count: number) => {
    let sum = 0
    for (let i = 0; i < count; i++) sum += map.get(KEYS[i & 1023])!
    sink ^= sum
  }
}
// Short rounds, many of them: the best of each is one that nothing disturbed.
const get = await best(50_000, { unwatched: gets(unwatched), watched: gets(watched) }, ROUNDS * 20, 20)

/** Milliseconds of one look at so many shards that all have operations, and the longest part in which it lets nobody else run. */
function lookMs(shards: number): { whole: number; part: number } {
  const room = Room.create(checkOptions({ objective: { p99: 50 }, shards }), 1)
  const leader = new Leader(room)
  let whole = Number.POSITIVE_INFINITY
  let part = Number.POSITIVE_INFINITY
  for (let number = 1; number <= Math.max(3, ROUNDS); number++) {
    for (let i = 0; i < shards * 20; i++) {
      room.counts.add(i % shards, COUNTERS + bucketOf(1 + (i % 97) / 10, room.layout.subBits))
    }
    const parts: (() => void)[] = [() => leader.turn(room.started + number * 5000, next => parts.push(next))]
    const times: number[] = []
    for (let next = parts.shift(); next !== undefined; next = parts.shift()) {
      const began = performance.now()
      next()
      times.push(performance.now() - began)
    }
    whole = Math.min(
      whole,
      times.reduce((sum, time) => sum + time, 0),
    )
    part = Math.min(part, Math.max(...times))
  }
  return { whole, part }
}

const look = lookMs(64)
const largeLook = lookMs(4096)
const round = (value: number, digits = 0) => Number(value.toFixed(digits))
console.log(
  JSON.stringify(
    {
      node: process.version,
      rounds: ROUNDS,
      readNs: round(trivial.read - trivial.plain),
      writeNs: round(trivial.write - trivial.plain),
      jobNs: round(job.plain),
      jobRead: `${round((job.read / job.plain - 1) * 100, 2)}%`,
      jobWrite: `${round((job.write / job.plain - 1) * 100, 2)}%`,
      getNs: round(get.unwatched, 1),
      getWatched: `${round((get.watched / get.unwatched - 1) * 100, 2)}%`,
      lookMs64: round(look.whole, 2),
      lookMs4096: round(largeLook.whole, 1),
      longestPartMs4096: round(largeLook.part, 2),
    },
    undefined,
    1,
  ),
)
governor.dispose()
