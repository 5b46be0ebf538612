/** Iterators. The kernel hands out a batch of keys at a time; the value of each is read when its turn comes. */
import type { KeyCodec } from '../codec/codec.js'
import * as L from '../kernel/layout.generated.js'
import type { Session } from '../kernel/session.js'

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
  shard: number
  version: number
}

/** A record of a batch: reference, generation, meta, 0, then the key. */
const RECORD = 16

function* batches<K, V>(source: ScanSource<K, V>): Generator<Found<K>[]> {
  const { session, key } = source
  const { kernel, scratch } = session
  const shards = 2 ** session.header(L.H_SHARD_BITS)
  for (let shard = 0; shard < shards; shard++) {
    let position = 0
    let done = false
    while (!done) {
      let code = kernel.scan(shard, position)
      while (code === L.E_AREA) {
        source.growResult()
        code = kernel.scan(shard, position)
      }
      source.check(code)
      const words = scratch.u32
      const head = scratch.resultWord >>> 2
      const count = words[head + (L.R_META >>> 2)]
      position = words[head + (L.R_ENTRY >>> 2)]
      done = words[head + (L.R_GENERATION >>> 2)] !== 0
      const address = words[head + (L.R_SHARD >>> 2)] | 0
      const version = words[head + (L.R_VERSION >>> 2)] | 0
      const batch: Found<K>[] = []
      let at = scratch.resultBytes
      for (let i = 0; i < count; i++) {
        const word = at >>> 2
        const meta = words[word + 2]
        batch.push({
          key: key.read(scratch, at + RECORD, meta),
          entry: words[word] | 0,
          generation: words[word + 1] | 0,
          shard: address,
          version,
        })
        at += RECORD + (((meta & L.META_LENGTH) + 7) & ~7)
      }
      if (count > 0) yield batch
    }
  }
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
