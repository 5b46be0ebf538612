/** One thread that replays its part of a trace on one map. */

import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import type { MapHandle } from 'threadmap'
import { fillFor, keyAt, type ReplayMap, valuesOf } from './entries.js'
import { type Plan, STEP_BITS, Step } from './plan.js'

export interface ReplaySetup {
  readonly plan: Plan
  /** Undefined: a plain `Map` of this thread's own. */
  readonly handle: MapHandle | undefined
}

export interface ReplayCommand {
  readonly ms: number
  readonly warmUpMs: number
}

export interface ReplayReply {
  readonly operations: number
  readonly ms: number
  /** Reads that found an entry, and reads that had to find one. */
  readonly found: number
  readonly expected: number
}

/** Operations between two looks at the clock. */
const BATCH = 256

type Store = Pick<ReplayMap, 'get' | 'has' | 'set' | 'delete' | 'swap' | 'add' | 'update' | 'getOrInsert'>

await serve<ReplaySetup, ReplayCommand, ReplayReply>(({ plan, handle }, { index, meet }) => {
  const { keyType, keyLengths, entries, absent, temporary } = plan
  const store = handle === undefined ? ownMap(plan) : (attachMap(handle) as ReplayMap)
  const list = plan.operations[index]
  const keys = Array.from({ length: entries + absent }, (_, i) => keyAt(i, 0, keyType, keyLengths))
  const ring = Array.from({ length: temporary }, (_, i) => keyAt(i, 1 + index, keyType, keyLengths))
  const values = valuesOf(plan.valueType, plan.valueBytes)
  let updates = 0
  const next = () => values[updates++ & 63]
  const at = { position: 0, written: 0, oldest: 0, newest: temporary / 2, found: 0, expected: 0 }

  const run = (count: number) => {
    let { position, written, oldest, newest, found, expected } = at
    for (let i = 0; i < count; i++) {
      const operation = list[position]
      position = position + 1 === list.length ? 0 : position + 1
      const key = operation >>> STEP_BITS
      switch (operation & ((1 << STEP_BITS) - 1)) {
        case Step.get:
          if (store.get(keys[key]) !== undefined) found++
          if (key < entries) expected++
          break
        case Step.has:
          if (store.has(keys[key])) found++
          if (key < entries) expected++
          break
        case Step.set:
          store.set(keys[key], values[written++ & 63])
          break
        case Step.readWrite:
          store.swap(keys[key], values[written++ & 63])
          break
        case Step.add:
          store.add(keys[key], 1)
          break
        case Step.update:
          store.update(keys[key], next)
          break
        case Step.getOrInsert:
          store.getOrInsert(keys[key], values[0])
          break
        case Step.insert:
          // A full ring deletes its oldest key, so that a program that only inserts does not fill the memory.
          if (newest - oldest === temporary) store.delete(ring[oldest++ % temporary])
          store.set(ring[newest++ % temporary], values[written++ & 63])
          break
        case Step.remove:
          if (newest > oldest) store.delete(ring[oldest++ % temporary])
          break
        default:
          store.delete(keys[key])
      }
    }
    Object.assign(at, { position, written, oldest, newest, found, expected })
  }

  const runFor = (ms: number) => {
    const began = performance.now()
    let operations = 0
    let now = began
    do {
      run(BATCH)
      operations += BATCH
      now = performance.now()
    } while (now - began < ms)
    return { operations, ms: now - began }
  }

  return ({ ms, warmUpMs }) => {
    meet()
    runFor(warmUpMs)
    const counted = runFor(ms)
    return { ...counted, found: at.found, expected: at.expected }
  }
})

function ownMap(plan: Plan): Store {
  const map = new Map<unknown, unknown>()
  fillFor(map, plan)
  // A plain `Map` has no method for these operations.
  return Object.assign(map, {
    swap(key: unknown, value: unknown) {
      const before = map.get(key)
      map.set(key, value)
      return before
    },
    add(key: unknown, delta: number) {
      const sum = Number(map.get(key) ?? 0) + delta
      map.set(key, sum)
      return sum
    },
    update(key: unknown, change: (current: unknown) => unknown) {
      const value = change(map.get(key))
      map.set(key, value)
      return value
    },
    getOrInsert(key: unknown, value: unknown) {
      const before = map.get(key)
      if (before !== undefined) return before
      map.set(key, value)
      return value
    },
  }) as unknown as Store
}
