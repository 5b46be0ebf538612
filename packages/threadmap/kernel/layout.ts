/**
 * Where everything stands in the shared memory. The memory describes itself: magic, layout version and configuration
 * come first, so that `attach` can refuse a wrong or foreign memory by name.
 *
 *   header        4 KiB    configuration, the heap's lock, the claims' lock, codec names
 *   hash keys    512 B     the secret words of the default hash
 *   registry     64 KiB    one slot per attached thread
 *   shards        512 B each
 *   thread heaps  512 B each, one per registry slot (SyncMap only: its value blocks)
 *   page table    4 B per 4 KiB page of the largest size
 *   pages         everything else: tables, entries, value blocks, scratch areas
 *
 * Words that two threads write stand 128 bytes apart (two cache lines: neighbours are prefetched in pairs).
 */

/** 'TMAP', little-endian. */
export const MAGIC: u32 = 0x50414d54
/** Raised with every change of this file that an older attach would misread. */
export const LAYOUT_VERSION: u32 = 2

// The header.
export const H_MAGIC: u32 = 0
export const H_VERSION: u32 = 4
/** 1 when the header is complete. Written last. */
export const H_READY: u32 = 8
export const H_POLICY: u32 = 12
/** log2 of the number of shards. */
export const H_SHARD_BITS: u32 = 16
export const H_HASH: u32 = 20
export const H_KEY_TYPE: u32 = 24
export const H_VALUE_TYPE: u32 = 28
export const H_SEED: u32 = 32
/** The largest size in 4 KiB pages. */
export const H_MAX_PAGES: u32 = 40
export const H_LOCK_TIMEOUT: u32 = 44
/** The first pause of a waiter, in spin steps. */
export const H_BACKOFF_DELAY: u32 = 48
export const H_BACKOFF_RETRIES: u32 = 52
/** Address of the page table, of the first page, of the shards, of the thread heaps (0: none). */
export const H_PAGE_TABLE: u32 = 56
export const H_HEAP_START: u32 = 60
export const H_SHARDS: u32 = 64
export const H_THREAD_HEAPS: u32 = 68
/** log2 of the buckets that a new or cleared table of a shard has. */
export const H_INITIAL_BITS: u32 = 72
/** 0: UnsafeMap does not look for misuse. */
export const H_DETECT: u32 = 76
/** Raised when a thread is registered or marked dead; threads that keep watch wait on it. */
export const H_REGISTRY_EPOCH: u32 = 80
/** Locks taken over from the dead. */
export const H_RECOVERIES: u32 = 84
/** How long `getOrInsertComputed` waits for another thread's result, in milliseconds. */
export const H_COMPUTE_TIMEOUT: u32 = 88
/** A random number that tells this memory from others, for the names of Web Locks. */
export const H_IDENTITY: u32 = 92
/** 4 KiB pages that the memory had when it last grew: `attach` refuses a copy that has fewer. */
export const H_PAGES_SEEN: u32 = 96
/**
 * So many pages are kept for threads that attach and for values that replace others, when everything else is taken.
 */
export const H_RESERVE: u32 = 104
/** 1: a memory of users' locks (src/sync). Its blocks are referenced by handles, not by the table. */
export const H_LOCKS: u32 = 100
/** After how many microseconds of waiting a lock is handed over to the thread that waits. */
export const H_HANDOVER: u32 = 112
/** A checksum of what never changes of the header, and of the hash's secret words (JavaScript makes it and checks it). */
export const H_CHECKSUM: u32 = 108
/** A word that a thread changes in one view of a memory and reads in another, to see whether both are one memory. */
export const H_PROBE: u32 = 644
/** The lock of the page table, and what it guards. */
export const H_HEAP_LOCK: u32 = 256
export const H_FREE_HINT: u32 = 260
export const H_PAGES_USED: u32 = 264
/** No generation below this one has been used in a page that is free now. */
export const H_GENERATION: u32 = 268
/** The lock of the claims, the number of the last one, and a bit for each thread that has a page of them. */
export const H_CLAIM_LOCK: u32 = 512
export const H_CLAIM_SERIAL: u32 = 516
export const H_CLAIM_OWNERS: u32 = 520
/** The lock of who recovers what the dead held. */
export const H_RECOVERY_LOCK: u32 = 640
/** A table of one bucket that is always empty: what a cleared SyncMap reads from. */
export const H_EMPTY_TABLE: u32 = 768
/** Codec names, for `attach`: length, then text (JavaScript writes and reads it). */
export const H_TEXT: u32 = 1024
export const TEXT_MAX: u32 = 3072

/** Made from the seed when the memory is created (hash.ts), and never changed. */
export const HASH_KEYS: u32 = 4096
export const HASH_KEYS_SIZE: u32 = 512

/** A page of a thread's claims (claims.ts): the page before it, the offset of its last claim (0: none), and how far claims may reach. */
export const C_PREVIOUS_PAGE: u32 = 0
export const C_LAST: u32 = 4
export const C_SIZE: u32 = 8
export const C_HEADER: u32 = 16
/** A claim: the offset of the one before it in its page (0: none), its number, its key's hash and meta word, whether a thread waits. */
export const C_PREVIOUS: u32 = 0
export const C_SERIAL: u32 = 4
export const C_HASH: u32 = 8
export const C_META: u32 = 16
export const C_WAITED: u32 = 20
export const C_KEY: u32 = 24
/** In place of the meta word of a claim that has ended. */
export const C_ENDED: u32 = 0xffffffff

export const REGISTRY: u32 = HASH_KEYS + HASH_KEYS_SIZE
export const SLOT_SIZE: u32 = 256
export const SLOT_COUNT: u32 = 256
// A registry slot: the first 128 bytes are written by its thread alone, the second by others too.
export const S_RETRIES: u32 = 0
export const S_LOCK_WAITS: u32 = 4
export const S_LOCK_SLEEPS: u32 = 8
export const S_SPINS: u32 = 12
/** A value block that this thread has allocated and not yet published (SyncMap): {generation, reference}. */
export const S_PENDING: u32 = 16
/** The two pages of this thread's scratch areas. */
export const S_AREAS: u32 = 32
export const AREA_PAGES: u32 = 2
/** The locks that this thread holds for reading, so that its share can be given back when it dies. */
export const S_HOLDS: u32 = 64
export const HOLD_COUNT: u32 = 16
/** Two bits that say whether the thread lives; above them its number in its runtime plus one (0: unknown). */
export const S_STATE: u32 = 128
/**
 * SyncMap: 1 while the thread may change an entry without a lock. Its own thread writes it, but rarely reads the words
 * beside it, and others look at it when they want pages back.
 */
export const S_BUSY: u32 = 24
/** The lock that the thread sleeps on, while that lock may name it as its next owner; else 0. */
export const S_WAITS: u32 = 28
/** The thread's record in its process's table of threads, and the identity of that table (src/liveness/thread-table.ts); 0: none. */
export const S_RECORD: u32 = 132
/** How often this slot was taken. */
export const S_INCARNATION: u32 = 136
/** 1: the thread holds the Web Lock of this slot, so its death can be noticed there. */
export const S_WEB_LOCK: u32 = 140
/** The last page of this thread's claims (0: none), and how often somebody who waited for one of them was woken. */
export const S_CLAIMS: u32 = 144
export const S_CLAIM_EPOCH: u32 = 148
/** The number of the claim that this thread waits for (0: none), and whose it is. */
export const S_WAITS_FOR: u32 = 152
export const S_WAITS_ON: u32 = 156
export const S_THREAD_TABLE: u32 = 160
export const SLOT_FREE: u32 = 0
export const SLOT_ALIVE: u32 = 1
export const SLOT_DEAD: u32 = 2
export const STATE_MASK: u32 = 3
export const THREAD_SHIFT: u32 = 2

export const SHARDS: u32 = REGISTRY + SLOT_SIZE * SLOT_COUNT
export const SHARD_SIZE: u32 = 512
// A shard: the line of the readers, the line of the lock, the heap.
/** The table word, see table.ts. Readers touch nothing else here. */
export const D_TABLE: u32 = 0
/** SyncMap: not 0 while entries are moved: who would change one without the mutex takes it. */
export const D_MOVING: u32 = 8
export const D_LOCK: u32 = 128
/** Readers-writer locks only: count of readers, and the writer's bit. */
export const D_READERS: u32 = 132
/** Times that a thread did not get the shard's lock at once. */
export const D_LOCK_WAITS: u32 = 136
/** Entries in the table (SyncMap: in `read`, deleted ones included). */
export const D_USED: u32 = 140
/** SyncMap: the table word of `dirty`, its entries, and the counters of Go's source. */
export const D_DIRTY: u32 = 144
export const D_DIRTY_USED: u32 = 152
export const D_MISSES: u32 = 156
export const D_MISSES_TOTAL: u32 = 160
export const D_PROMOTIONS: u32 = 164
export const D_COPIED: u32 = 168
export const D_RESIZES: u32 = 172
export const D_COMPACTIONS: u32 = 176
/** SyncMap: entries of `read` that are expunged. */
export const D_EXPUNGED: u32 = 180
/** SyncMap: not 0 while `read` is changed in its place. */
export const D_REWRITING: u32 = 184
/** SyncMap: deleted entries are looked for when the heap takes a page and has this many. */
export const D_PURGE_AT: u32 = 188
/** Nanoseconds that threads waited for the shard's lock, all together (64 bits). */
export const D_LOCK_WAITED: u32 = 192
export const D_HEAP: u32 = 256

/** A heap: free blocks by size class. A shard's stands in the shard; a thread heap has a lock of its own before it. */
export const HEAP_STRIDE: u32 = 512
export const P_LOCK: u32 = 128
export const P_HEAP: u32 = 256
/** Heads of the lists of pages that have free blocks, one per class. */
export const P_PARTIAL: u32 = 0
/** Head of the list of pages without live blocks, kept for reuse, and how many they are. */
export const P_EMPTY: u32 = 192
export const P_EMPTY_COUNT: u32 = 196
export const P_ID: u32 = 200
/** Pages held (slabs and spans), and bytes in free blocks of slabs. */
export const P_PAGES: u32 = 204
export const P_FREE_BYTES: u32 = 208
/** No compaction while fewer bytes than this are free: the last one gained nothing. */
export const P_COMPACT_AT: u32 = 212

export const PAGE: u32 = 4096

// Scratch areas, in two pages that each thread takes when it attaches. What does not fit goes through them in pieces.
/** The numbers of the areas, as JavaScript names them. */
export const AREA_KEY: u32 = 0
export const AREA_VALUE: u32 = 1
export const AREA_EXPECTED: u32 = 2
export const AREA_RESULT: u32 = 3
export const VALUE_AREA: u32 = 0
export const EXPECTED_AREA: u32 = 2048
/** In the second page. */
export const KEY_AREA: u32 = 0
export const RESULT_AREA: u32 = 1024
/** The longest key and value, in bytes, that stand in their area as a whole. */
export const WHOLE_KEY: u32 = 1008
export const WHOLE_VALUE: u32 = 2008
/** A piece of a longer key: whole blocks of the default hash. */
export const KEY_PIECE: u32 = 896
/** A piece of a longer value; two fill a page of a chain. */
export const PIECE: u32 = 2040

// Policies, in the order of MapKind.
export const POLICY_UNSAFE: u32 = 0
export const POLICY_RWMUTEX: u32 = 1
export const POLICY_SYNC: u32 = 2
export const POLICY_SHARDED: u32 = 3
export const POLICY_FAST: u32 = 4

// How a key or a value is stored.
export const TYPE_F64: u32 = 0
export const TYPE_I64: u32 = 1
export const TYPE_U32: u32 = 2
export const TYPE_BYTES: u32 = 3

// What an operation returns to JavaScript.
export const ABSENT: i32 = 0
export const PRESENT: i32 = 1
/** compareAndSwap found another value. */
export const DIFFERENT: i32 = 2
export const E_TIMEOUT: i32 = -1
export const E_FULL: i32 = -2
export const E_WRITES: i32 = -3
export const E_READ_WRITE: i32 = -4
export const E_ITERATION_WRITE: i32 = -5
/** This thread's private window for results is too small: its needed size is in `detail`. */
export const E_AREA: i32 = -6
export const E_RECURSIVE: i32 = -7
/** `getOrInsertComputed`: another thread's function took longer than computeTimeout. */
export const E_COMPUTE_TIMEOUT: i32 = -8
export const E_HOLDS: i32 = -9
export const E_NOT_OWNER: i32 = -10
export const E_RELOCK: i32 = -11
/** Two or more threads would wait for each other's computations. */
export const E_DEADLOCK: i32 = -15
/** Inside the kernel: compact the heap, then try again. */
export const E_SPARSE: i32 = -12
/** A lock is taken; what its word holds is in the result area. */
export const E_BUSY: i32 = -13
/** A user's lock was disposed. */
export const E_DISPOSED: i32 = -14

/** Block headers: the word at a block's start is {meta 32 | generation 32}. */
export const META_LENGTH: u32 = 0x0fffffff
/** Set on live blocks during a repair. Readers mask it out. */
export const META_MARK: u32 = 0x80000000

// What `change` does.
export const SET: u32 = 0
/** Insert if absent. */
export const INSERT: u32 = 1
export const SWAP: u32 = 2
export const COMPARE_AND_SWAP: u32 = 3
export const COMPARE_AND_DELETE: u32 = 4
export const DELETE: u32 = 5
export const GET_AND_DELETE: u32 = 6
export const ADD: u32 = 7
/** Replace, or delete, if the entry and its value word are still those of a token. */
export const REPLACE_SAME: u32 = 8
export const DELETE_SAME: u32 = 9

// The result area begins with words about the result.
/** The value word. For values in the entry that is the value. */
export const R_WORD: u32 = 0
export const R_ENTRY: u32 = 8
export const R_GENERATION: u32 = 12
export const R_META: u32 = 16
/** What an error is about: a needed size, the owner of a lock. */
export const R_DETAIL: u32 = 20
export const R_SHARD: u32 = 24
export const R_VERSION: u32 = 28
/** The shard that an error is about. */
export const R_ERROR_SHARD: u32 = 32
/** What the last look for a number returned. */
export const R_CODE: u32 = 36
export const R_BYTES: u32 = 64

/** log2 of the most buckets a table has: 2 GiB. */
export const MAX_TABLE_BITS: u32 = 25

/** `audit` describes this many problems, and counts the others. */
export const MOST_PROBLEMS: u32 = 64

// A lock of a user's: a block of shard 0's heap, in a memory of its own (src/sync). After the header:
export const K_KIND: u32 = 8
/** The number (plus one) of the thread that died while it held the lock. */
export const K_DIED: u32 = 12
export const K_MUTEX: u32 = 16
/** The readers' word follows the mutex, as in a shard. */
export const K_READERS: u32 = 20
/** WaitGroup: its counter. Not where others have their mutex: a count must never look like an owner. */
export const K_COUNTER: u32 = 24
/**
 * Not 0: an owner died, and nobody who could repair what the lock guards has been told. The number (plus one) of its thread,
 * plus one. Only who has the whole lock writes it, and that rarely: it is not on the line of the mutex.
 */
export const K_NEWS: u32 = 96
/** Two cache line pairs, so that no two locks share one. */
export const LOCK_BYTES: u32 = 256
