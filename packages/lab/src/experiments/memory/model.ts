import { Matrix, solve } from 'ml-matrix'
import { probit } from 'simple-statistics'
import type { MapKind } from 'threadmap'

/** The entries of a map. Lengths are in bytes of UTF-8. */
export interface Load {
  readonly entries: number
  readonly keyBytes: number
  /** 8 with `numbers`. */
  readonly valueBytes: number
  /** Values are f64, which the entry itself holds (in a SyncMap, a block of their own). */
  readonly numbers: boolean
  readonly shards: number
}

/** The coefficients, in bytes per unit. */
export const TERMS = ['map', 'shard', 'table byte', 'entry', 'value block', 'key byte', 'value byte'] as const
export type Term = (typeof TERMS)[number]

/** M_total = sum of coefficient x quantity, fitted for one kind of map. */
export interface MemoryModel {
  readonly kind: MapKind
  readonly coefficients: Readonly<Record<Term, number>>
}

export interface Sample {
  readonly load: Load
  readonly bytes: number
}

const PAGE = 4096
const SLAB_HEADER = 64
const ENTRY_HEADER = 16
const BLOCK_HEADER = 8
const BUCKET = 64
/** The library's load factor: a table doubles when six of a bucket's seven slots are used on average. */
const BUCKET_LOAD = 6

/** The library's size classes: steps of an eighth to a quarter. Larger blocks get whole pages. */
function classSize(size: number): number {
  const step = size <= 64 ? 8 : size <= 128 ? 16 : size <= 256 ? 32 : size <= 512 ? 64 : 0
  if (step > 0) return Math.max(16, Math.ceil(size / step) * step)
  return [640, 768, 1008, 1344, 2016].find(large => size <= large) ?? Math.ceil(size / PAGE) * PAGE
}

/** How many blocks of `size` share a page; 0 when each has pages of its own. */
function perPage(size: number): number {
  const rounded = classSize(size)
  return rounded >= PAGE ? 0 : Math.floor((PAGE - SLAB_HEADER) / rounded)
}

/** Bytes of the pages with `perEntry` blocks of `size` per entry: each shard has pages of its own, and the last one is partly empty. */
function blockBytes(size: number, perEntry: number, entries: number, shards: number): number {
  const each = perPage(size)
  if (each === 0) return perEntry * entries * classSize(size)
  return shards * PAGE * expected(entries, shards, count => Math.ceil((perEntry * count) / each))
}

/** The quantity of each term in a map with this load. */
export function quantities(
  kind: MapKind,
  { entries, keyBytes, valueBytes, numbers, shards }: Load,
): Record<Term, number> {
  const hasBlock = !numbers || kind === 'SyncMap'
  const entrySize = ENTRY_HEADER + Math.ceil(keyBytes / 8) * 8
  const valueSize = BLOCK_HEADER + Math.max(8, numbers ? 8 : valueBytes)
  // Entries and values of one size class share pages, except in a SyncMap, whose values are in heaps of the threads.
  const isShared = hasBlock && kind !== 'SyncMap' && classSize(entrySize) === classSize(valueSize)
  const perEntry = isShared ? 2 : 1
  const sizes = hasBlock && !isShared ? [entrySize, valueSize] : [entrySize]
  const pagesOf = (count: number) =>
    sizes.reduce((sum, size) => {
      const each = perPage(size)
      return each === 0 ? sum : sum + Math.ceil((perEntry * count) / each)
    }, 0)
  const bytesOf = (size: number) => blockBytes(size, perEntry, entries, shards) / perEntry
  return {
    map: 1,
    shard: shards,
    'table byte': shards * expected(entries, shards, count => tableBytes(count, pagesOf)),
    entry: entries,
    'value block': hasBlock ? entries : 0,
    'key byte': bytesOf(entrySize) - entries * ENTRY_HEADER,
    'value byte': hasBlock ? bytesOf(valueSize) - entries * BLOCK_HEADER : 0,
  }
}

/** Tables of up to this many buckets share pages of their size class; larger tables have pages of their own. */
const SLAB_BUCKETS = 16
/** A heap gives its empty pages back when they are more than this share of its pages (KEPT_SHARE of the kernel). */
const KEPT_SHARE = 8

/**
 * Bytes of the table of a shard. It has a power of two of buckets, and at least a page. Pages of the smaller tables before
 * it stay with the shard as spare pages (one, or two when the table has outgrown the size classes) until the next table,
 * entries or values need them; a small heap gives them back at once.
 */
function tableBytes(count: number, pagesOf: (count: number) => number): number {
  let spare = 0
  let pages = pagesOf(0)
  const use = (now: number) => {
    spare = Math.max(0, spare - (pagesOf(now) - pages))
    pages = pagesOf(now)
  }
  let buckets = 1
  for (; BUCKET_LOAD * buckets < count; buckets *= 2) {
    use(BUCKET_LOAD * buckets)
    if (buckets < SLAB_BUCKETS) spare = Math.max(spare, 1)
    else if (buckets === SLAB_BUCKETS) spare = Math.min(2, spare + 1)
    if (spare > Math.floor((pages + 1 + spare) / KEPT_SHARE)) spare = 0
  }
  use(count)
  return Math.max(PAGE, buckets * BUCKET) + spare * PAGE
}

/** Slices of equal probability into which `expected` cuts a distribution. */
const SLICES = 32

/**
 * The mean of `of` over the shards. The entries per shard follow a binomial distribution, which a normal distribution
 * approximates: with a mean near a limit, some shards have passed the limit and some have not.
 */
function expected(entries: number, shards: number, of: (count: number) => number): number {
  const mean = entries / shards
  const deviation = Math.sqrt(mean * (1 - 1 / shards))
  if (deviation === 0) return of(mean)
  let sum = 0
  for (let slice = 0; slice < SLICES; slice++) {
    sum += of(Math.max(0, Math.round(mean + deviation * probit((slice + 0.5) / SLICES))))
  }
  return sum / SLICES
}

/**
 * Fits the coefficients by least squares of the relative error, so that small maps count as much as large ones. Terms that
 * the samples cannot tell apart (such as shard and map, where each map has one shard) share the bytes between them.
 */
export function fitModel(kind: MapKind, samples: readonly Sample[]): MemoryModel {
  const rows = samples.map(({ load, bytes }) => {
    const found = quantities(kind, load)
    return TERMS.map(term => found[term] / bytes)
  })
  const columns = TERMS.map((_, at) => Math.max(...rows.map(row => Math.abs(row[at]))) || 1)
  const scaled = new Matrix(rows.map(row => row.map((value, at) => value / columns[at])))
  // Solved by singular values, since terms may be linearly dependent.
  const solution = solve(scaled, Matrix.columnVector(rows.map(() => 1)), true).to1DArray()
  return {
    kind,
    coefficients: Object.fromEntries(TERMS.map((term, at) => [term, solution[at] / columns[at]])) as Record<
      Term,
      number
    >,
  }
}

export interface Prediction {
  readonly totalBytes: number
  /** The bytes of keys and values themselves. */
  readonly payloadBytes: number
  readonly metaBytes: number
}

export function predict({ kind, coefficients }: MemoryModel, load: Load): Prediction {
  const found = quantities(kind, load)
  const totalBytes = TERMS.reduce((sum, term) => sum + coefficients[term] * found[term], 0)
  const payloadBytes = payloadOf(load)
  return { totalBytes, payloadBytes, metaBytes: totalBytes - payloadBytes }
}

/** The bytes of the keys and values themselves. */
export function payloadOf({ entries, keyBytes, valueBytes, numbers }: Load): number {
  return entries * (keyBytes + (numbers ? 8 : valueBytes))
}

/** The prediction's error as a share of what was measured. */
export function errorOf(model: MemoryModel, { load, bytes }: Sample): number {
  return predict(model, load).totalBytes / bytes - 1
}
