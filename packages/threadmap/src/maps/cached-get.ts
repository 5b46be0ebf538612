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

export function getCached<K, V>(core: CachedCore<K, V>, cache: ReadCache, key: K): V | undefined {
  if (--cache.countdown <= 0) core.judgeCache()
  if (core.attention && --core.passing <= 0) core.attend(key)
  try {
    return read(core, cache, key)
  } catch (error) {
    throw core.kernel.trapped(error, 'get')
  }
}

// Short, so that V8 inlines it: rare cases, and those that take long anyway, are in the next two functions.
function read<K, V>(core: CachedCore<K, V>, cache: ReadCache, key: K): V | undefined {
  const name = core.key.cacheKey(key)
  const known = cache.find(name)
  if (known === undefined) return getForCache(core, cache, key, name)
  if (!core.numbers) return readCached(core, cache, key, name, known)
  const words = cache.words
  const at = known * WORDS
  const value = core.kernel.readNumber(words[at], words[at + GENERATION], words[at + SHARD], words[at + VERSION])
  // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone.
  return value === value ? (value as V) : getForCache(core, cache, key, name)
}

/** Reads a cached value that is no number. */
function readCached<K, V>(
  core: CachedCore<K, V>,
  cache: ReadCache,
  key: K,
  name: unknown,
  known: number,
): V | undefined {
  const words = cache.words
  const at = known * WORDS
  if (core.inline) {
    const code = core.kernel.readCached(words[at], words[at + GENERATION], words[at + SHARD], words[at + VERSION])
    if (code === L.PRESENT) return core.result()
  } else if (isCurrent(core, words, at)) {
    const kept = cache.values[known]
    return core.cached === undefined ? (kept as V) : core.cached.give(kept)
  }
  return getForCache(core, cache, key, name)
}

/** Whether the entry of which the read cache has the token at `at` still has the value. */
function isCurrent<K, V>({ kernel, session, timed }: CachedCore<K, V>, words: Int32Array, at: number): boolean {
  const entry = words[at]
  const generation = words[at + GENERATION]
  const shard = words[at + SHARD]
  const version = words[at + VERSION]
  const low = words[at + LOW]
  const high = words[at + HIGH]
  const code = timed
    ? kernel.isCurrentAt(entry, generation, shard, version, low, high, session.clock.now())
    : kernel.isCurrent(entry, generation, shard, version, low, high)
  return code === L.PRESENT
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
