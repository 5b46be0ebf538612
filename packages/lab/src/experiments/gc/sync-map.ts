import { CollectorWatch } from '@threadmap/workbench/threads/collector'
import { flat } from '@threadmap/workbench/workload'
import { f64, SyncMap, string } from 'threadmap'

/** The counters of a `SyncMap`, step by step, on one thread: nothing here depends on time. */
export interface PromotionFacts {
  readonly entries: number
  /** Reads of keys in `dirty` until it became `read`, and how many entries `dirty` had. */
  readonly missesToPromote: number
  readonly dirtyLength: number
  /** Entries copied by the promotion itself, and by the first new key after it. */
  readonly copiedByPromotion: number
  readonly copiedByNextKey: number
  /** Bytes of JavaScript heap that the copy of all entries took, per entry. */
  readonly heapBytesPerCopy: number
}

/** Beliefs 2 and 3, in the smallest experiment that can show them. */
export function promotionFacts(entries: number): PromotionFacts {
  const map = new SyncMap({ key: string, value: f64, capacity: entries })
  try {
    const keys = Array.from({ length: entries }, (_, i) => flat(`key:${i}`))
    for (const key of keys) map.set(key, 1)
    // First promote all keys into `read`, a known state; then put as many new keys into `dirty`.
    for (const _ of map) break
    const fresh = Array.from({ length: entries }, (_, i) => flat(`new:${i}`))
    for (const key of fresh) map.set(key, 1)
    const before = map.stats()
    let reads = 0
    while (map.stats().promotions === before.promotions && reads <= before.dirtyEntries * 2) {
      map.get(fresh[reads % entries])
      reads++
    }
    const promoted = map.stats()
    const watch = new CollectorWatch()
    map.set(flat('the next key'), 1)
    const { allocatedBytes } = watch.stop()
    const after = map.stats()
    const copied = after.entriesCopied - promoted.entriesCopied
    return {
      entries: entries * 2,
      missesToPromote: reads,
      dirtyLength: before.dirtyEntries,
      copiedByPromotion: promoted.entriesCopied - before.entriesCopied,
      copiedByNextKey: copied,
      heapBytesPerCopy: allocatedBytes / copied,
    }
  } finally {
    map[Symbol.dispose]()
  }
}
