/** One thread and one cache: hits, evictions, and the memory of a full cache. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { flat, readOrder, userKeys, valueFor } from '@threadmap/workbench/workload'
import { LRUCache } from 'lru-cache'
import { FastMap, f64, json, string, type ValueCodec } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { CacheJob, CacheMemoryJob, Subject } from './jobs.js'
import {
  type AnyMap,
  numberValue,
  type Profile,
  profile,
  readNumbers,
  readObjects,
  readTexts,
  repeat,
  text,
} from './one-thread.js'

/** The shards of a SharedCache do not get equally many keys. With this much room none of them evicts. */
const ROOM = 2
/** New keys of the evicting loop: this many times the cache's bound, and then the first ones again, long gone. */
const EVICTED = 8
const MEMORY_ENTRIES = 200_000

export function cache(job: CacheJob): Subject {
  if (job.operation === 'evict') return evicting(job)
  switch (job.valueType) {
    case 'f64':
      return hits(job, f64, numberValue, value => value, readNumbers)
    case 'text':
      return hits(job, string, text, value => value.length, readTexts)
    case 'json':
      return hits<Profile>(job, json<Profile>(), profile, value => value.id, readObjects)
  }
}

function open<V extends {}>(job: CacheJob, max: number, value: ValueCodec<V>): AnyMap<string, V> {
  const { subject, readCache, ttl, ttlResolution } = job
  const time = ttl > 0 ? { ttl, ...(ttlResolution > 0 ? { ttlResolution } : {}) } : {}
  switch (subject) {
    case 'FastMap':
      return new FastMap<string, V>({ key: string, value, capacity: max })
    case 'SharedCache':
      return new SharedCache<string, V>({ key: string, value, max, readCache, ...time })
    case 'lru-cache':
      return new LRUCache<string, V>({ max, ...(ttl > 0 ? time : {}) })
  }
}

function hits<V extends {}>(
  job: CacheJob,
  codec: ValueCodec<V>,
  make: (index: number) => V,
  weigh: (value: V) => number,
  read: (map: AnyMap<string, V>, sequence: string[]) => number,
): Subject {
  const map = open(job, job.keys * ROOM, codec)
  const keys = userKeys(job.keys)
  const weights = keys.map((key, i) => {
    const value = make(i)
    map.set(key, value)
    return weigh(value)
  })
  if (map.size !== keys.length) throw new Error(`the cache holds ${map.size} of ${keys.length} keys`)
  const order = readOrder(job.keys, job.seed)
  const sum = order.reduce((total, i) => total + weights[i], 0)
  const sequence = Array.from(order, i => keys[i])
  return repeat(() => read(map, sequence), sequence.length, sum)
}

function evicting(job: CacheJob): Subject {
  const map = open(job, job.keys, f64)
  const keys = userKeys(job.keys * EVICTED)
  for (const [i, key] of keys.entries()) map.set(key, i)
  const pass = (): number => {
    for (let i = 0; i < keys.length; i++) map.set(keys[i], i)
    return Number(map.size <= job.keys && map.size > job.keys / ROOM)
  }
  return repeat(pass, keys.length, 1)
}

/** Bytes per entry of a cache that is full, once: memory does not vary. Keys are of 16 characters and belong to the cache alone. */
export function cacheMemory(job: CacheMemoryJob): Subject {
  return () => {
    const isNumber = job.valueBytes === 8
    const value: ValueCodec<string | number> = isNumber ? (f64 as never) : (string as never)
    const collect = collector()
    collect()
    const before = process.memoryUsage().heapUsed
    const map =
      job.subject === 'lru-cache'
        ? new LRUCache<string, string | number>({ max: MEMORY_ENTRIES })
        : job.subject === 'FastMap'
          ? new FastMap<string, string | number>({ key: string, value })
          : new SharedCache<string, string | number>({ key: string, value, max: MEMORY_ENTRIES })
    // More keys than fit: every shard is full afterwards.
    const count = job.subject === 'FastMap' ? MEMORY_ENTRIES : MEMORY_ENTRIES * ROOM
    for (let i = 0; i < count; i++) map.set(flat(`user:${String(i).padStart(11, '0')}`), valueFor(i, job.valueBytes))
    collect()
    const bytes = map instanceof LRUCache ? process.memoryUsage().heapUsed - before : map.stats().usedBytes
    if (map.size < MEMORY_ENTRIES * 0.99) throw new Error(`the cache holds ${map.size} of ${MEMORY_ENTRIES} entries`)
    return { value: bytes / map.size, note: `${map.size} entries in ${(bytes / 1e6).toFixed(1)} MB` }
  }
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
