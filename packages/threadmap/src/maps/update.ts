import * as L from '../bridge/layout.generated.js'
import { KEY, VALUE } from '../bridge/scratch.js'
import type { MapCore } from './core.js'

/**
 * Replaces the value of `key` by `change(current, given)`. Repeats that until no other thread has changed the key meanwhile. `key` is
 * the map's private copy of the key that the program gave.
 */
export function update<K, V>(
  core: MapCore<K, V>,
  key: K,
  change: (current: V | undefined, key: K) => V | undefined,
  given: K,
): V | undefined {
  const { kernel, scratch } = core
  while (true) {
    if (core.find(key) !== L.PRESENT) {
      const result = change(undefined, given)
      if (result === undefined) return undefined
      const value = core.admit(result, key)
      if (core.insertPrepared(key, core.prepare(value, key)) === L.ABSENT) return value
      continue
    }
    // Four words name what the kernel found. They are read before code of the program can use the map.
    const words = scratch.u32
    const at = scratch.resultWord >>> 2
    const entry = words[at + (L.R_ENTRY >>> 2)]
    const generation = words[at + (L.R_GENERATION >>> 2)]
    const low = words[at]
    const high = words[at + 1]
    const result = change(core.result(), given)
    if (result === undefined) {
      if (core.disposed) core.refuse()
      const meta = core.key.write(scratch, KEY, key)
      const code = core.check(kernel.changeSame(L.DELETE_SAME, meta, 0, entry, generation, low, high))
      if (code === L.PRESENT) return undefined
    } else {
      const value = core.admit(result, key)
      const prepared = core.prepare(value, key)
      if (core.disposed) core.refuse()
      const valueMeta = core.value.write(scratch, VALUE, prepared)
      const meta = core.key.write(scratch, KEY, key)
      const code = core.check(kernel.changeSame(L.REPLACE_SAME, meta, valueMeta, entry, generation, low, high))
      if (scratch.isLarge) scratch.shrink()
      if (code === L.PRESENT) return value
    }
  }
}
