/** A look at words of a map's memory that no user sees. */
import type { ConcurrentMap } from 'threadmap'

const layout = new URL('../../../dist/kernel/layout.generated.js', import.meta.url)
const L = (await import(layout.href)) as typeof import('../../dist/kernel/layout.generated.js')

/** How many shares of the first shard's lock are held for reading now. */
export function sharesHeld(map: ConcurrentMap<never, never>): number {
  const words = new Int32Array(map.handle.memory.buffer)
  const shard = words[L.H_SHARDS >>> 2]!
  return Atomics.load(words, (shard + L.D_READERS) >>> 2) & 0x3fffffff
}
