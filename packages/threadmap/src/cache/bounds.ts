/**
 * What follows from the bounds of a cache: how many shards it has, and how large their tables are from the start. No write may stop others for
 * more than a millisecond, however large the cache is, and what takes longest, a larger table and compaction, grows with the shard.
 */
import { BUCKET_SLOTS, MAX_LOAD, TYPE_BYTES } from '../bridge/layout.generated.js'
import { defaultShards, LARGEST_SHARDS } from '../maps/options.js'

/** A cache is not cut into shards that are smaller than this: eviction would no longer see which keys are used. */
const LEAST_ENTRIES = 64
/** A table of so many entries doubles in 0.1 ms. */
const MOST_ENTRIES = 8192
/** Where the memory is the bound, a shard has some slabs of each size, which are small beside this. */
const LEAST_BYTES = 1024 * 1024
/** Such a shard is compacted in half a millisecond. */
const MOST_BYTES = 2 * LEAST_BYTES

/**
 * The bytes of a small entry with its value: a number as key, and 50 characters, or a number, as value, which takes less where it has no deadline. For entries of this size a table has room from the start
 * where the memory is the bound. Later it could grow only where free pages lie side by side, which is rare in a full memory.
 */
const SMALL_ENTRY = 136
const NUMBER_ENTRY = 96
const ENDLESS_NUMBER_ENTRY = 48
/** A table that cannot grow takes entries up to this share of its slots (`mostEntries` in kernel/table/table.ts). */
const FILLED = 31 / 32

/** The number of shards by default: as for maps, unless shards would be smaller, or larger, than above. */
export function shardsFor(max: number | undefined, maxWeight: number | undefined, maxBytes: number): number {
  const bound = max ?? maxWeight
  const most = powerOfTwo(Math.floor, bound === undefined ? maxBytes / LEAST_BYTES : bound / LEAST_ENTRIES)
  const needed = bound === undefined ? maxBytes / MOST_BYTES : (max ?? 0) / MOST_ENTRIES
  return Math.min(Math.max(defaultShards(), powerOfTwo(Math.ceil, needed)), most, LARGEST_SHARDS)
}

function powerOfTwo(round: (log: number) => number, count: number): number {
  return 2 ** Math.max(0, round(Math.log2(count)))
}

/**
 * How many entries all tables have room for from the start. 0: they grow with the entries, while there is memory. A program that gives `maxBytes`
 * means a memory that fills up; and where shards are as many as there may be, their tables are too large to grow in a short time.
 */
export function capacityFor(
  max: number | undefined,
  maxWeight: number | undefined,
  maxBytes: number | undefined,
  valueType: number,
  ttl: number,
): number {
  const bound = max ?? maxWeight ?? Number.POSITIVE_INFINITY
  if (maxBytes === undefined) return max !== undefined && max > MOST_ENTRIES * LARGEST_SHARDS ? max : 0
  const numberEntry = ttl === Number.POSITIVE_INFINITY ? ENDLESS_NUMBER_ENTRY : NUMBER_ENTRY
  const inMemory = maxBytes / (valueType === TYPE_BYTES ? SMALL_ENTRY : numberEntry)
  return Math.min(bound, (inMemory * MAX_LOAD) / (BUCKET_SLOTS * FILLED))
}
