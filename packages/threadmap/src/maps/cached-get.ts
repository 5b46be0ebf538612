/** `get` with a read cache. read-cache.ts has the cache, and says why such a read is as linearizable as any other. */
import * as L from '../bridge/layout.generated.js'
import type { Cached } from '../codec/codec.js'
import type { MapCore } from './core.js'
import { GENERATION, HIGH, LOW, type ReadCache, SHARD, VERSION, WORDS } from './read-cache.js'

/** What a read with a read cache needs of a core. */
type CachedCore<K, V> = Pick<
  MapCore<K, V>,
  | 'kernel'
  | 'session'
  | 'scratch'
  | 'key'
  | 'numbers'
  | 'inline'
  | 'timed'
  | 'cached'
  | 'attention'
  | 'passing'
  | 'attend'
  | 'judgeCache'
  | 'own'
  | 'find'
  | 'result'
>

/**
 * One function with everything that a hit needs, and too long on purpose for V8 to inline it into `get` of a map (460 bytes of bytecode): inlined, it used up the
 * room for inlining, and reads that pass the cache by took 5 ns more than reads of a map that has none.
 */
export function getCached<K, V>(core: CachedCore<K, V>, cache: ReadCache, key: K): V | undefined {
  if (--cache.countdown <= 0) core.judgeCache()
  if (core.attention && --core.passing <= 0) core.attend(key)
  try {
    const name = core.key.cacheKey(key)
    const known = cache.find(name)
    if (known === undefined) return getForCache(core, cache, key, name)
    const { kernel } = core
    const words = cache.words
    const at = known * WORDS
    const entry = words[at]
    const generation = words[at + GENERATION]
    const shard = words[at + SHARD]
    const version = words[at + VERSION]
    if (core.numbers) {
      const value = kernel.readNumber(entry, generation, shard, version)
      // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone.
      return value === value ? (value as V) : getForCache(core, cache, key, name)
    }
    if (core.inline) {
      const code = kernel.readCached(entry, generation, shard, version)
      return code === L.PRESENT ? core.result() : getForCache(core, cache, key, name)
    }
    const low = words[at + LOW]
    const high = words[at + HIGH]
    const code = core.timed
      ? kernel.isCurrentAt(entry, generation, shard, version, low, high, core.session.clock.now())
      : kernel.isCurrent(entry, generation, shard, version, low, high)
    if (code !== L.PRESENT) return getForCache(core, cache, key, name)
    const kept = cache.values[known]
    return core.cached === undefined ? (kept as V) : core.cached.give(kept)
  } catch (error) {
    throw core.kernel.trapped(error, 'get')
  }
}

/** Looks for a key and remembers the place of its entry. */
function getForCache<K, V>(core: CachedCore<K, V>, cache: ReadCache, key: K, name: unknown): V | undefined {
  const own = core.own(key)
  // Bytes in shared memory may have changed since `name` was made of them.
  const ownName = own === key ? name : core.key.cacheKey(own)
  if (core.find(own) !== L.PRESENT) return undefined
  const found = core.scratch.u32
  const from = core.scratch.resultWord >>> 2
  const entry = found[from + (L.R_ENTRY >>> 2)]
  const generation = found[from + (L.R_GENERATION >>> 2)]
  const shard = found[from + (L.R_SHARD >>> 2)]
  const version = found[from + (L.R_VERSION >>> 2)]
  const low = found[from]
  const high = found[from + 1]
  // Decoding can use the map, and so this cache: the value is decoded before a place is taken.
  const { cached, inline } = core
  const kept = inline || cached === undefined ? core.result() : keep(core, cached)
  const place = cache.take(ownName)
  // Taking a place can replace the array.
  const words = cache.words
  const at = place * WORDS
  words[at] = entry
  words[at + GENERATION] = generation
  words[at + SHARD] = shard
  words[at + VERSION] = version
  words[at + LOW] = low
  words[at + HIGH] = high
  if (inline) return kept as V
  cache.values[place] = kept
  return cached === undefined ? (kept as V) : cached.give(kept)
}

function keep<K, V>({ scratch }: CachedCore<K, V>, cached: Cached<V>): unknown {
  const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
  if ((meta & L.META_LENGTH) <= L.WHOLE_VALUE) return cached.keep(scratch, scratch.resultBytes, meta)
  const kept = cached.keep(scratch.records(), 0, meta)
  if (scratch.isLarge) scratch.shrink()
  return kept
}
