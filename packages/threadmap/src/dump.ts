/**
 * threadmap/dump: writes the entries of a map to a file, and loads them into a map again: for a warm start, or to move a map to
 * another process.
 *
 * ```ts
 * await dump(prices, 'prices.dump')
 * // later, in another process
 * const { entries } = await load(prices, 'prices.dump')
 * ```
 *
 * `dumpChunks` and `loadChunks` do the same with bytes, for pages and for storage that is not a file.
 */
import type { SharedCache } from './cache/shared-cache.js'
import { decodeDump } from './dump/decode.js'
import { checkPath, chunksOf, fileSystem, writeWhole } from './dump/files.js'
import { type Description, encodeDump, type RawRecord } from './dump/format.js'
import { RawMap } from './dump/raw-map.js'
import { ByteSource } from './dump/source.js'
import { OptionError } from './errors/classes.js'
import { quote } from './errors/quote.js'
import { refuseUnknown } from './errors/unknown-options.js'
import type { ConcurrentMap } from './maps/concurrent-map.js'

export type { SharedCache } from './cache/shared-cache.js'
export { DumpError, type DumpFault, OptionError, UnsupportedError } from './errors/classes.js'
export type { ConcurrentMap } from './maps/concurrent-map.js'

/** The options of `dump`. */
export interface DumpOptions {
  /** Ends the dump: its promise rejects with the reason of the signal, and the file is as it was. */
  signal?: AbortSignal
}

/** The options of `load` and `loadChunks`. */
export interface LoadOptions {
  /** Ends the load: its promise rejects with the reason of the signal. Entries that were loaded before stay. */
  signal?: AbortSignal
  /** Whether an entry of the dump replaces one that the map already has. Default true. */
  overwrite?: boolean
}

/** The size of a dump that was written or loaded. */
export interface DumpSize {
  /** How many entries it has. */
  readonly entries: number
  /** How long it is in bytes. */
  readonly bytes: number
}

/** What can be dumped and loaded: the five maps, and the cache. */
export type Dumpable<K, V> = ConcurrentMap<K, V> | SharedCache<K, V>

/** Bytes in pieces: what `dumpChunks` gives, a stream, the body of a `Response`. */
export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

/**
 * Writes all entries of `map` to a file. The file is written beside `path`, flushed to the disk, and renamed, so that at any moment
 * `path` is the file of before or the whole new dump, also if the process is killed (which may leave a file `path.*.tmp` behind).
 * The path is relative to the working directory.
 *
 * Other threads, and this one, may write meanwhile. The dump is weakly consistent, as iteration is: a key that is present throughout is in
 * it exactly once, with a value that the key had during the dump; keys that come or go meanwhile may be in it. It is no snapshot of one
 * moment. Takes O(entries) time in steps of about 64 KiB between which the event loop turns, and memory for one step (or one longer
 * value) at a time.
 *
 * Of a `SharedCache` the values that are fresh are written, with the time that each has left; the order of eviction is not.
 *
 * Rejects with the file system's error if the file cannot be written, with `UnsupportedError` where there are no files (pages), and with
 * the errors of iteration: `LockTimeoutError`, `DisposedError`, for an `UnsafeMap` `ConcurrentMapError`. `path` is as it was then.
 */
export async function dump<K, V>(
  map: Dumpable<K, V>,
  path: string | URL,
  options: DumpOptions = {},
): Promise<DumpSize> {
  const raw = RawMap.of('dump()', map)
  checkPath('dump()', path)
  const { signal } = checkOptions('dump()', options, ['signal'])
  signal?.throwIfAborted()
  const files = fileSystem('dump()', 'dumpChunks(map)')
  let entries = 0
  const counted = function* (): Generator<RawRecord> {
    for (const record of raw.records()) {
      entries++
      yield record
    }
  }
  const bytes = await writeWhole(files, path, encodeDump(raw.description, counted()), signal)
  return { entries, bytes }
}

/**
 * Sets all entries of a dump in `map`, whose codecs must be those of the map that was dumped; the class may be another one. Keys that the
 * dump does not have stay. The map's schema, if it has one, validates each value.
 *
 * A `SharedCache` gets each value with the time that it had left when the dump began, less the time that has passed since then by the wall clock, and
 * no value whose time is over. A value without a deadline gets the `ttl` of the cache. If the dump has more entries than the bound allows, the cache evicts as always.
 *
 * The whole file is verified before the first entry is set: after a `DumpError` (a file that is foreign, of another version or other
 * codecs, truncated or damaged) the map is as it was. Each entry is set by one operation, so other threads see them arrive one by
 * one. Takes O(entries) time and reads the file twice, in steps between which the event loop turns; needs memory for one step.
 *
 * Rejects with the file system's error if the file cannot be read (`error.code` is `ENOENT` where there is none), with `UnsupportedError` where
 * there are no files, and with the errors of `set`, such as `MapFullError`: then the entries before stay.
 */
export async function load<K, V>(
  map: Dumpable<K, V>,
  path: string | URL,
  options: LoadOptions = {},
): Promise<DumpSize> {
  const raw = RawMap.of('load()', map)
  checkPath('load()', path)
  const checked = checkOptions('load()', options, ['signal', 'overwrite'])
  checked.signal?.throwIfAborted()
  const file = await fileSystem('load()', 'loadChunks(map, chunks)').open(path, 'r')
  const name = path instanceof URL ? path.href : path
  try {
    // One file is open all the time, so a dump that takes its name meanwhile changes nothing. The sums are checked again when it is
    // read for the second time.
    await eachRecord(new ByteSource(name, chunksOf(file)), raw, checked.signal, record => raw.check(record))
    return await eachRecord(new ByteSource(name, chunksOf(file)), raw, checked.signal, record =>
      raw.store(record, checked.overwrite !== false),
    )
  } finally {
    await file.close()
  }
}

/**
 * The dump of `map` as bytes, in pieces of about 64 KiB (more if a value is longer), each an array of its own. The same promises as for `dump`
 * hold while others write; the caller may take its time between two pieces.
 *
 * ```ts
 * await cache.put('/prices', new Response(new Blob([...dumpChunks(prices)]))) // in a page
 * ```
 */
export function dumpChunks<K, V>(map: Dumpable<K, V>): Generator<Uint8Array<ArrayBuffer>, undefined, unknown> {
  const raw = RawMap.of('dumpChunks()', map)
  return encodeDump(raw.description, raw.records()) as Generator<Uint8Array<ArrayBuffer>, undefined, unknown>
}

/**
 * Sets all entries of a dump in `map`, as `load` does. The bytes are seen once only: each piece of about 64 KiB is verified before its
 * entries are set, but after a `DumpError` the entries of the pieces before it stay.
 */
export async function loadChunks<K, V>(
  map: Dumpable<K, V>,
  chunks: Chunks,
  options: LoadOptions = {},
): Promise<DumpSize> {
  const raw = RawMap.of('loadChunks()', map)
  const { signal, overwrite } = checkOptions('loadChunks()', options, ['signal', 'overwrite'])
  const source = new ByteSource('the dump', iteratorOf(chunks))
  try {
    return await eachRecord(source, raw, signal, record => {
      raw.check(record)
      raw.store(record, overwrite !== false)
    })
  } finally {
    await source.close()
  }
}

async function eachRecord(
  source: ByteSource,
  raw: RawMap,
  signal: AbortSignal | undefined,
  take: (record: RawRecord) => void,
): Promise<DumpSize> {
  let entries = 0
  // The time that has passed since the dump of a cache was begun counts, as if the cache had lived on.
  let elapsed = 0
  const check = (dumped: Description) => {
    checkCodecs(source, dumped, raw.description)
    if (dumped.written !== undefined) elapsed = Math.max(0, Date.now() - dumped.written)
  }
  for await (const records of decodeDump(source, check)) {
    signal?.throwIfAborted()
    for (const record of records) {
      const until = record.until - elapsed
      if (until > 0) take({ ...record, until })
    }
    entries += records.length
  }
  return { entries, bytes: source.offset }
}

function checkCodecs(source: ByteSource, dumped: Description, map: Description): void {
  if (dumped.key === map.key && dumped.value === map.value) return
  throw source.fail(
    'codec',
    0,
    `holds keys of the codec ${quote(dumped.key)} and values of ${quote(dumped.value)}; this ${map.kind} has ${quote(map.key)} and ${quote(map.value)}. Load it into a map with the codecs of the dump`,
  )
}

function checkOptions<O extends LoadOptions>(method: string, options: O, names: readonly string[]): O {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`${method} takes an object of options as its last argument, and got ${quote(options)}`)
  }
  refuseUnknown(method, options, names)
  const { signal, overwrite } = options
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new OptionError(`the option signal must be an AbortSignal, and is ${quote(signal)}`)
  }
  if (overwrite !== undefined && typeof overwrite !== 'boolean') {
    throw new OptionError(`the option overwrite must be true or false, and is ${quote(overwrite)}`)
  }
  return options
}

/** The iterator of chunks. Streams of some browsers have none of their own. */
function iteratorOf(chunks: Chunks): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  const some = chunks as Partial<AsyncIterable<Uint8Array> & Iterable<Uint8Array> & ReadableStream<Uint8Array>> | null
  if (typeof some === 'object' && some !== null) {
    if (typeof some[Symbol.asyncIterator] === 'function') return some[Symbol.asyncIterator]!()
    if (typeof some[Symbol.iterator] === 'function') return some[Symbol.iterator]!()
    if (typeof some.getReader === 'function') {
      const reader = some.getReader()
      return {
        next: () => reader.read() as Promise<IteratorResult<Uint8Array>>,
        return: () => reader.cancel().then(() => ({ done: true, value: undefined })),
      }
    }
  }
  throw new OptionError(`loadChunks() takes an iterable or a stream of Uint8Arrays, and got ${quote(chunks)}`)
}
