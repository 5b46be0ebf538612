/** Iterators. The kernel hands out a batch of keys at a time; the value of each is read when its turn comes. */

import * as L from '../bridge/layout.generated.js'
import type { Window } from '../bridge/scratch.js'
import type { Session } from '../bridge/session.js'
import type { KeyCodec } from '../codec/codec.js'

/** What an iterator needs of its map. */
export interface ScanSource<K, V> {
  session: Session
  key: KeyCodec<K>
  get(key: K): V | undefined
  has(key: K): boolean
  /** Throws for the kernel's errors, and when the map was disposed. */
  check(code: number): number
  growResult(): void
  result(): V
}

/** A key, and where its entry stood when the batch was made. */
interface Found<K> {
  key: K
  entry: number
  generation: number
  meta: number
  shard: number
  version: number
}

/** A record of a batch: reference, generation, meta, 0, then the key. */
const RECORD = 16

function* batches<K, V>(source: ScanSource<K, V>): Generator<Found<K>[]> {
  const shards = 2 ** source.session.header(L.H_SHARD_BITS)
  for (let shard = 0; shard < shards; shard++) {
    let position = 0
    let done = false
    while (!done) {
      const batch = nextBatch(source, shard, position)
      // Pages changed their use while a batch was checked: once more.
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

function nextBatch<K, V>(source: ScanSource<K, V>, index: number, position: number): Batch<K> | undefined {
  const { kernel, scratch } = source.session
  let code = kernel.scan(index, position)
  while (code === L.E_AREA) {
    source.growResult()
    code = kernel.scan(index, position)
  }
  source.check(code)
  const words = scratch.u32
  const head = scratch.resultWord >>> 2
  const count = words[head + (L.R_META >>> 2)]
  const next = words[head + (L.R_ENTRY >>> 2)]
  const done = words[head + (L.R_GENERATION >>> 2)] !== 0
  const shard = words[head + (L.R_SHARD >>> 2)] | 0
  const version = words[head + (L.R_VERSION >>> 2)] | 0
  if (words[head + (L.R_DETAIL >>> 2)] === 0) {
    return { found: readRecords(source, scratch, scratch.resultBytes, count, shard, version), next, done }
  }
  const found = readRecords(source, scratch.records(), 0, count, shard, version)
  if (scratch.isLarge) scratch.shrink()
  // The kernel could not look at the end which of these lived all the while; where their pages are the same, their headers say.
  const live = found.filter(({ entry, generation, meta }) => kernel.isRecordLive(entry, generation, meta) !== 0)
  return kernel.versionOf(shard) === version ? { found: live, next, done } : undefined
}

function readRecords<K, V>(
  source: ScanSource<K, V>,
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
    const word = at >>> 2
    const meta = words[word + 2]
    found.push({
      key: source.key.read(window, at + RECORD, meta),
      entry: words[word] | 0,
      generation: words[word + 1] | 0,
      meta,
      shard,
      version,
    })
    at += RECORD + (((meta & L.META_LENGTH) + 7) & ~7)
  }
  return found
}

/** The value of an entry of a batch; undefined if its key has gone. */
function currentValue<K, V>(source: ScanSource<K, V>, found: Found<K>): V | undefined {
  source.check(0)
  const code = source.session.kernel.readKnown(found.entry, found.generation, found.shard, found.version)
  // The entry moved, or has gone, or its value is large: the map knows.
  return code === L.PRESENT ? source.result() : source.get(found.key)
}

export function* entriesOf<K, V>(source: ScanSource<K, V>): Generator<[K, V], undefined, unknown> {
  for (const batch of batches(source)) {
    for (const found of batch) {
      const value = currentValue(source, found)
      if (value !== undefined) yield [found.key, value]
    }
  }
}

export function* keysOf<K, V>(source: ScanSource<K, V>): Generator<K, undefined, unknown> {
  for (const batch of batches(source)) {
    for (const found of batch) if (source.has(found.key)) yield found.key
  }
}

export function* valuesOf<K, V>(source: ScanSource<K, V>): Generator<V, undefined, unknown> {
  for (const batch of batches(source)) {
    for (const found of batch) {
      const value = currentValue(source, found)
      if (value !== undefined) yield value
    }
  }
}
