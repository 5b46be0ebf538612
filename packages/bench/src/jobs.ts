import type { MapKind } from 'threadmap'

/** The job of a subject process: its only argument, in JSON. The process then answers each `round` message. */
export type Job =
  | OneThreadJob
  | WorkersJob
  | AddJob
  | MemoryJob
  | CacheJob
  | CacheWorkersJob
  | CacheMemoryJob
  | LongestJob
  | StopsJob
  | GrowthJob
  | ColdJob

export type KeyText = 'user' | 'uuid' | 'path' | 'chinese'

/** One thread repeats one operation. The result is nanoseconds per operation. */
export interface OneThreadJob {
  program: 'one-thread'
  subject: 'Map' | 'FastMap'
  /**
   * `get`: hits, by the string objects that were set. `fresh`: hits, by strings made just before. `set`: updates.
   * `miss`: reads of absent keys, by string objects that are used again and again.
   */
  operation: 'get' | 'fresh' | 'set' | 'miss'
  keyType: 'string' | 'number'
  /** Strings: `user:123456` (11 characters), a UUID (36), the path of an URL (80), or 11 characters of Chinese. */
  keyText: KeyText
  /** `text`: strings that are stored in one byte a character; `wide`: in two. */
  valueType: 'f64' | 'json' | 'text' | 'wide' | 'bytes'
  /** The length of values of type `text`, `wide` and `bytes`. */
  textLength: number
  keys: number
  /** The option `cache`: 0, or the number of keys. */
  cache: number
  seed: number
}

/** Several workers read and write existing keys. The result is millions of operations per second of all workers. */
export interface WorkersJob {
  program: 'workers'
  /** `Map`: a private plain Map in each worker, the ceiling of such a loop on this machine. */
  subject: MapKind | 'sharedmap' | 'Map'
  threads: number
  keys: number
  reads: number
  zipf: number
  seed: number
}

/** Several workers `add` to one key. The result is millions of operations per second; a lost addition is an error. */
export interface AddJob {
  program: 'add'
  threads: number
}

/** How much memory a map of a million entries takes. The result is bytes per entry, or a share in percent. */
export interface MemoryJob {
  program: 'memory'
  measure: 'grown' | 'presized' | 'reuse'
  seed: number
}

/** One thread uses one cache, or a FastMap beside it. The result is nanoseconds per operation. */
export interface CacheJob {
  program: 'cache'
  subject: 'FastMap' | 'SharedCache' | 'lru-cache'
  /** `get`: hits, by the string objects that were set. `evict`: new keys into a full cache. */
  operation: 'get' | 'evict'
  valueType: 'f64' | 'json' | 'text'
  keys: number
  /** The option `readCache` of SharedCache: 0, or the number of keys. */
  readCache: number
  /** The option `ttl` in milliseconds; 0: none. */
  ttl: number
  /** The option `ttlResolution` in milliseconds. */
  ttlResolution: number
  seed: number
}

/** Several workers read and write one SharedCache, or an lru-cache of their own each. The result is millions of operations per second. */
export interface CacheWorkersJob {
  program: 'cache-workers'
  subject: 'SharedCache' | 'lru-cache' | 'FastMap'
  threads: number
  keys: number
  reads: number
  zipf: number
  seed: number
}

/** How much memory a full cache takes. The result is bytes per entry. */
export interface CacheMemoryJob {
  program: 'cache-memory'
  subject: 'FastMap' | 'SharedCache' | 'lru-cache'
  /** The length of the values; of 8 bytes: numbers. */
  valueBytes: number
}

/** New keys are set one after another. The result is milliseconds of the longest `set`. */
export interface LongestJob {
  program: 'longest'
  subject: 'Map' | 'FastMap' | 'SharedCache' | 'lru-cache'
  /** What the cache is bounded by, and whether it is full before the measurement begins. */
  bound: 'max' | 'maxBytes'
  full: boolean
  /** The entries of a full cache, or how many are inserted. */
  keys: number
  /** The length of the values; of 8 bytes: numbers. */
  valueBytes: number
}

/** New keys are set in a full cache of 512 MiB. The result is milliseconds of the longest `set`. */
export interface StopsJob {
  program: 'stops'
  /** Strings of 100 bytes; or of 50 bytes to 50 KiB, the longer the rarer. */
  values: 'small' | 'mixed'
}

/** Entries are inserted one after another, numbers to numbers, and then read. The result is the insertion's nanoseconds per entry, with `GrowthFigures`. */
export interface GrowthJob {
  program: 'growth'
  subject: 'Map' | 'FastMap' | 'SharedCache'
  entries: number
  seed: number
}

/** Processes that have done nothing yet make their first map. The result is milliseconds; see cold-child.ts. */
export interface ColdJob {
  program: 'cold'
  subject: 'threadmap' | 'lru-cache' | 'nothing'
  part: 'import' | 'create' | 'set' | 'all' | 'process'
}

/** The answers of a subject: `ready` once it is set up, `result` for each round, or the reason why it cannot run. */
export type Answer =
  | { type: 'ready' }
  | ({ type: 'result' } & Measured)
  | { type: 'skipped'; reason: string }
  | { type: 'failed'; reason: string }

/** Milliseconds for which threads run in each round before they count, so that no thread counts while another still wakes up. */
export const WARM_UP_MS = 20

/** One round of a subject: `ms` is how long to measure. */
export interface Round {
  ms: number
}

export interface Measured {
  value: number
  /** Further figures of the round, by their names. */
  figures?: Readonly<Record<string, number>>
  note?: string
}

/** A subject that is set up. */
export type Subject = (round: Round) => Measured | Promise<Measured>
