/**
 * The longest `set` of a thread that sets one new key after another. A `set` does not count for longer than all threads of the process have
 * worked meanwhile: on a busy machine other programs get the processor, and that says nothing about the map. (To leave such a `set` out would be
 * wrong: the longer one lasts, the likelier it is to be interrupted.)
 */
import { flat, id, NUMBER_BYTES, valueFor } from '@threadmap/workbench/workload'
import { LRUCache } from 'lru-cache'
import { FastMap, f64, string, type ValueCodec } from 'threadmap'
import { SharedCache } from 'threadmap/cache'
import type { LongestJob, Subject } from './jobs.js'

/** Sets between two looks at the processor's time, which take microseconds. */
const BATCH = 128
/** A cache that is full already sets this many times its entries. */
const TURNOVER = 2
const USUAL_ROUND_MS = 200
/** What an entry with such a value takes in a SharedCache, about: the bound in bytes for so many entries. */
const OVERHEAD = 140

type Value = string | number

interface Target {
  set(key: string, value: Value): unknown
}

export interface Longest {
  /** Milliseconds. */
  readonly longest: number
  /** Milliseconds of all sets. */
  readonly sum: number
}

/** Sets the keys from `from` on, and measures each `set`. */
export function timedSets(target: Target, from: number, count: number, valueBytes: number): Longest {
  const keys: string[] = new Array(BATCH).fill('')
  const values: Value[] = new Array(BATCH).fill(0)
  return timed(
    count,
    at => {
      for (let i = 0; i < BATCH; i++) {
        keys[i] = keyOf(from + at + i)
        values[i] = valueFor(from + at + i, valueBytes)
      }
    },
    i => target.set(keys[i], values[i]),
  )
}

/** Inserts so many numbers, and measures each insertion. */
export function timedInserts(target: { set(key: number, value: number): unknown }, count: number): Longest {
  let first = 0
  return timed(
    count,
    at => {
      first = at
    },
    i => target.set(id(first + i), i + 0.5),
  )
}

/** Calls `step` for the numbers below BATCH, again and again. `prepare` is not timed. */
function timed(count: number, prepare: (at: number) => void, step: (i: number) => void): Longest {
  let [longest, sum] = [0, 0]
  for (let at = 0; at < count; at += BATCH) {
    prepare(at)
    const size = Math.min(BATCH, count - at)
    const before = process.resourceUsage()
    const began = performance.now()
    let most = 0
    let last = began
    for (let i = 0; i < size; i++) {
      step(i)
      const now = performance.now()
      if (now - last > most) most = now - last
      last = now
    }
    const after = process.resourceUsage()
    const worked = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime
    longest = Math.max(longest, Math.min(most, worked / 1000))
    sum += Math.min(last - began, worked / 1000)
  }
  return { longest, sum }
}

export function keyOf(index: number): string {
  return flat(`user:${String(index).padStart(11, '0')}`)
}

export function longest(job: LongestJob): Subject {
  const full = job.full ? open(job) : undefined
  let from = 0
  if (full) for (; from < job.keys * TURNOVER; from++) full.set(keyOf(from), valueFor(from, job.valueBytes))
  return ({ ms }) => {
    const count = full ? Math.ceil((ms / USUAL_ROUND_MS) * job.keys * TURNOVER) : job.keys
    const { longest, sum } = timedSets(full ?? open(job), from, count, job.valueBytes)
    if (full) from += count
    const note = `${count} sets, ${((sum / count) * 1e6).toFixed(0)} ns each with the clock`
    return { value: longest, note }
  }
}

function open({ subject, bound, keys, valueBytes }: LongestJob): Target {
  const value: ValueCodec<Value> = valueBytes === NUMBER_BYTES ? (f64 as never) : (string as never)
  switch (subject) {
    case 'Map':
      return new Map<string, Value>()
    case 'FastMap':
      return new FastMap<string, Value>({ key: string, value })
    case 'lru-cache':
      return new LRUCache<string, Value>({ max: keys })
    case 'SharedCache':
      return bound === 'max'
        ? new SharedCache<string, Value>({ key: string, value, max: keys })
        : new SharedCache<string, Value>({ key: string, value, maxBytes: keys * (OVERHEAD + valueBytes) })
  }
}
