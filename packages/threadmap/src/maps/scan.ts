/** Iterators. The kernel hands out a batch of keys at a time; the value of each key is read when its turn comes. */

import * as L from '../bridge/layout.generated.js'
import { KEY, type Window } from '../bridge/scratch.js'
import type { MapCore } from './core.js'

/** What an iteration needs of a core. */
export type Scanned<K, V> = Pick<
  MapCore<K, V>,
  'kernel' | 'scratch' | 'session' | 'key' | 'disposed' | 'refuse' | 'growResult' | 'check' | 'result'
>

/** A key, and the place of its entry when the batch was made. */
interface Found<K> {
  key: K
  entry: number
  generation: number
  meta: number
  shard: number
  version: number
}

function* batches<K, V>(core: Scanned<K, V>): Generator<Found<K>[]> {
  const shards = 2 ** core.session.header(L.H_SHARD_BITS)
  for (let shard = 0; shard < shards; shard++) {
    let position = 0
    let done = false
    while (!done) {
      const batch = nextBatch(core, shard, position)
      // Pages changed their use while the batch was checked, so the batch is made again.
      if (batch === undefined) continue
      position = batch.next
      done = batch.done
      if (batch.found.length > 0) yield batch.found
    }
  }
}

interface Batch<K> {
  found: Found<K>[]
  next: number
  done: boolean
}

function nextBatch<K, V>(core: Scanned<K, V>, index: number, position: number): Batch<K> | undefined {
  const { kernel, scratch } = core
  if (core.disposed) core.refuse()
  let code = kernel.scan(index, position)
  while (code === L.E_AREA) {
    core.growResult()
    code = kernel.scan(index, position)
  }
  core.check(code)
  const words = scratch.u32
  const head = scratch.resultWord >>> 2
  const count = words[head + (L.R_SCAN_COUNT >>> 2)]
  const next = words[head + (L.R_SCAN_NEXT >>> 2)]
  const done = words[head + (L.R_SCAN_DONE >>> 2)] !== 0
  const shard = words[head + (L.R_SHARD >>> 2)] | 0
  const version = words[head + (L.R_VERSION >>> 2)] | 0
  if (words[head + (L.R_SCAN_SENT >>> 2)] === 0) {
    return { found: readRecords(core, scratch, scratch.resultBytes, count, shard, version), next, done }
  }
  const found = readRecords(core, scratch.records(), 0, count, shard, version)
  if (scratch.isLarge) scratch.shrink()
  // A batch in the private window went there in pieces, so the kernel could not check at its end which of the entries are still alive.
  // The headers of the entries say so, provided that the pages are the same (versionOf).
  const live = found.filter(({ entry, generation, meta }) => kernel.isRecordLive(entry, generation, meta) !== 0)
  return kernel.versionOf(shard) === version ? { found: live, next, done } : undefined
}

function readRecords<K, V>(
  core: Scanned<K, V>,
  window: Window,
  from: number,
  count: number,
  shard: number,
  version: number,
): Found<K>[] {
  const words = window.u32
  const found: Found<K>[] = []
  let at = from
  for (let i = 0; i < count; i++) {
    const meta = words[(at + L.RECORD_META) >>> 2]
    found.push({
      key: core.key.read(window, at + L.RECORD_KEY, meta),
      entry: words[(at + L.RECORD_ENTRY) >>> 2] | 0,
      generation: words[(at + L.RECORD_GENERATION) >>> 2] | 0,
      meta,
      shard,
      version,
    })
    at += L.RECORD_KEY + (((meta & L.META_LENGTH) + 7) & ~7)
  }
  return found
}

/** Looks for one key during an iteration. A write that comes between disturbs the iteration, not a read. */
function look<K, V>(core: Scanned<K, V>, call: (meta: number) => number, key: K): number {
  if (core.disposed) core.refuse()
  try {
    let code = call(core.key.write(core.scratch, KEY, key))
    while (code === L.E_AREA) {
      core.growResult()
      code = call(core.key.write(core.scratch, KEY, key))
    }
    return core.check(code === L.E_READ_WRITE ? L.E_ITERATION_WRITE : code)
  } catch (error) {
    throw core.kernel.trapped(error, 'iteration')
  }
}

/** The value of an entry of a batch; undefined if its key has gone. */
function currentValue<K, V>(core: Scanned<K, V>, found: Found<K>): V | undefined {
  if (core.disposed) core.refuse()
  const code = core.kernel.readKnown(found.entry, found.generation, found.shard, found.version)
  // PRESENT aside, the entry moved, or was removed, or its value is large: an ordinary look for the key decides.
  if (code === L.PRESENT) return core.result()
  return look(core, core.kernel.get, found.key) === L.PRESENT ? core.result() : undefined
}

export function* entriesOf<K, V>(core: Scanned<K, V>): Generator<[K, V], undefined, unknown> {
  for (const batch of batches(core)) {
    for (const found of batch) {
      const value = currentValue(core, found)
      if (value !== undefined) yield [found.key, value]
    }
  }
}

export function* keysOf<K, V>(core: Scanned<K, V>): Generator<K, undefined, unknown> {
  for (const batch of batches(core)) {
    for (const found of batch) if (look(core, core.kernel.has, found.key) === L.PRESENT) yield found.key
  }
}

export function* valuesOf<K, V>(core: Scanned<K, V>): Generator<V, undefined, unknown> {
  for (const batch of batches(core)) {
    for (const found of batch) {
      const value = currentValue(core, found)
      if (value !== undefined) yield value
    }
  }
}
