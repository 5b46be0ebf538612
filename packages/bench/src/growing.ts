/** How the cost of a map grows with its entries: one thread inserts numbers, and then reads them. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { id, random } from '@threadmap/workbench/workload'
import { FastMap, f64 } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { GrowthJob, Subject } from './jobs.js'
import { timedInserts } from './longest.js'

/** Reads that are timed; they touch few of ten million entries, and each of a thousand many times. */
const READS = 2_000_000
/** A cache's shards do not get equally many keys: with so much room none of them evicts. */
const ROOM = 1.25

interface Numbers {
  get(key: number): number | undefined
  set(key: number, value: number): unknown
}

export function growth({ subject, entries, seed }: GrowthJob): Subject {
  return () => {
    const collect = collector()
    collect()
    const before = process.memoryUsage().heapUsed
    const map = open(subject, entries)
    const { longest, sum } = timedInserts(map, entries)
    const next = random(seed)
    const keys = Float64Array.from({ length: Math.min(READS, Math.max(entries, 65_536)) }, () =>
      id(Math.floor(next() * entries)),
    )
    const read = reader(map, keys)
    read()
    const get = read()
    collect()
    const bytes = map instanceof Map ? process.memoryUsage().heapUsed - before : map.stats().usedBytes
    return {
      value: (sum * 1e6) / entries,
      figures: { longest, get, bytes: bytes / entries },
    }
  }
}

function open(
  subject: GrowthJob['subject'],
  entries: number,
): Map<number, number> | FastMap<number, number> | SharedCache<number, number> {
  switch (subject) {
    case 'Map':
      return new Map()
    case 'FastMap':
      return new FastMap({ key: f64, value: f64, maxBytes: 2 ** 32 })
    case 'SharedCache':
      return new SharedCache({ key: f64, value: f64, max: Math.ceil(entries * ROOM), maxBytes: 2 ** 32 })
  }
}

/** Nanoseconds per read of a pass over the keys: of the clock or of the processor, whichever is less. */
function reader(map: Numbers, keys: Float64Array): () => number {
  return () => {
    const cpu = process.cpuUsage()
    const began = performance.now()
    let found = 0
    for (let i = 0; i < keys.length; i++) if (map.get(keys[i]) !== undefined) found++
    const elapsed = performance.now() - began
    if (found !== keys.length) throw new Error(`${keys.length - found} of ${keys.length} keys are not there`)
    const { user, system } = process.cpuUsage(cpu)
    return (Math.min(elapsed, (user + system) / 1000) * 1e6) / keys.length
  }
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
