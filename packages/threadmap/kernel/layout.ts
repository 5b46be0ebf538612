/**
 * Where everything stands in the shared memory. The memory describes itself: magic, layout version and configuration
 * come first, so that `attach` can refuse a wrong or foreign memory by name.
 *
 *   header        4 KiB    configuration, the heap's lock, the claims' lock, codec names
 *   hash keys    512 B     the secret words of the default hash
 *   registry     64 KiB    one slot per attached thread
 *   shards        512 B each
 *   thread heaps  512 B each, one per registry slot (SyncMap only: its value blocks)
 *   cache shards  256 B each: the queues and counters of a shard (SharedCache only, as are the next two)
 *   ghosts        a table of fingerprints per shard
 *   marks         one byte per 32 bytes of the largest size
 *   page table    4 B per 4 KiB page of the largest size
 *   pages         everything else: tables, entries, value blocks, scratch areas
 *
 * Words that two threads write stand 128 bytes apart (two cache lines: neighbours are prefetched in pairs).
 *
 * This is also the one list of the numbers that the kernel and JavaScript exchange: tools/build-kernel.mjs makes JavaScript's side of it.
 * That is why the file is longer than others.
 */

/** A page of WebAssembly, which is the step in which a memory grows, and the most pages that a memory can have: 4 GiB. */
export const WASM_PAGE: u32 = 65536
export const MOST_WASM_PAGES: u32 = 65536
/** A page of the page table, which is what heaps are made of. */
export const PAGE: u32 = 4096
export const PAGE_BITS: u32 = 12

/** 'TMAP', little-endian. */
export const MAGIC: u32 = 0x50414d54
/** Raised with every change of this file that an older attach would misread. */
export const LAYOUT_VERSION: u32 = 5

// The header.
export const H_MAGIC: u32 = 0
export const H_VERSION: u32 = 4
/** 1 when the header is complete. Written last. */
export const H_READY: u32 = 8
export const H_POLICY: u32 = 12
/** log2 of the number of shards, MOST_SHARD_BITS at most. */
export const H_SHARD_BITS: u32 = 16
export const H_HASH: u32 = 20
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
/** 1: a memory of users' locks (src/sync). Its blocks are referenced by handles, not by the table. */
export const H_LOCKS: u32 = 100
/** The pages that are kept for threads that attach and for values that replace others, when everything else is taken. */
export const H_RESERVE: u32 = 104
/** A checksum of what never changes of the header, and of the hash's secret words (JavaScript makes it and checks it). */
export const H_CHECKSUM: u32 = 108
/** After how many microseconds of waiting a lock is handed over to the thread that waits. */
export const H_HANDOVER: u32 = 112
/** SharedCache: addresses of the cache shards (0: the memory is no cache), of the marks, and of the ghosts. */
export const H_CACHES: u32 = 116
export const H_MARKS: u32 = 120
export const H_GHOSTS: u32 = 124
/** SharedCache, what its program chose: log2 of the sets of ghosts that a shard has, and flags (CACHE_*). */
export const H_GHOST_BITS: u32 = 128
export const H_CACHE_FLAGS: u32 = 132
/** f64: how long an entry is fresh in milliseconds, and how long after that it is kept for stale reads. */
export const H_TTL: u32 = 136
export const H_STALE_FOR: u32 = 144
/** f64: the sum of the weights of all entries that the cache may have at once; Infinity: only the memory bounds it. */
export const H_MAX_WEIGHT: u32 = 152
/** f64, of JavaScript alone: the clock's resolution in milliseconds (0: exact). */
export const H_TTL_RESOLUTION: u32 = 160
/** The largest value in bytes that a cache takes: a larger one would push out too much. */
export const H_LARGEST_VALUE: u32 = 168
/** f64: the defaults of `fetch` in milliseconds; the kernel does not read them. */
export const H_LOAD_TIMEOUT: u32 = 176
export const H_STALE_WHILE_REVALIDATE: u32 = 184
export const H_STALE_IF_ERROR: u32 = 192
export const H_REFRESH_AFTER: u32 = 200
export const H_NEGATIVE_TTL: u32 = 208
/** SharedCache: 1 once an entry has had a deadline: only then do writes look for expired ones. In the half that is no part of the checksum. */
export const H_HAS_DEADLINES: u32 = 648
/** SharedCache: the record (RECORD_BYTES) of all values that are fresh for ever and have none of their own. Never changed. */
export const H_ENDLESS: u32 = 656
/**
 * SharedCache: the share of the weight that the small queue of each shard may have, in 2^-32. Threads that hold different shards change it, and
 * one of two changes at the same moment may be lost. On a line of its own.
 */
export const H_SMALL_SHARE: u32 = 704
/** The end of the words that describe a cache. */
export const H_CACHE_END: u32 = 240
/** A hit renews the deadline. */
export const CACHE_SLIDES: u32 = 1
/** The weight of an entry is its size in bytes. */
export const CACHE_WEIGHS_BYTES: u32 = 2
/** A word that a thread changes in one view of a memory and reads in another, to see whether both are one memory. */
export const H_PROBE: u32 = 644
/** The highest number (plus one) of a registry slot that was ever taken: nobody has to look at those above. */
export const H_SLOTS: u32 = 652
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
/** The lock of the thread that recovers what dead threads held. */
export const H_RECOVERY_LOCK: u32 = 640
/** A table of one bucket that is always empty: what a cleared SyncMap reads from. */
export const H_EMPTY_TABLE: u32 = 768
/** Codec names, for `attach`: length, then text (JavaScript writes and reads it). */
export const H_TEXT: u32 = 1024
export const TEXT_MAX: u32 = 3072

/** Made from the seed when the memory is created (hash.ts), and never changed. */
export const HASH_KEYS: u32 = 4096
export const HASH_KEYS_SIZE: u32 = 512

/**
 * A page of a thread's claims (threads/claims.ts): the page before it, the offset of its last claim (0: none), and how far claims may
 * reach.
 */
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
/** SharedCache: reads that found a fresh value, a stale one, and none (f64 each). */
export const S_HITS: u32 = 40
export const S_STALE: u32 = 48
export const S_MISSES: u32 = 56
/**
 * Not 0 while the thread may change an entry without a lock: in a FastMap the address of the shard, in a SyncMap 1. Its own thread writes
 * it, and others look at it when they want the shard for themselves, or pages back.
 */
export const S_BUSY: u32 = 24
/** The lock that the thread sleeps on, while that lock may name it as its next owner; else 0. */
export const S_WAITS: u32 = 28
/** The thread's record in its process's table of threads, and the identity of that table (src/liveness/thread-table.ts); 0: none. */
export const S_RECORD: u32 = 132
/** How often this slot was taken. */
export const S_INCARNATION: u32 = 136
/** The last page of this thread's claims (0: none), and how often threads that waited for one of them were woken. */
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
export const MOST_SHARD_BITS: u32 = 10
// A shard: the line of the readers, the line of the lock, the heap.
/** The table word, see table/table.ts. Readers touch nothing else here. */
export const D_TABLE: u32 = 0
/** SyncMap: not 0 while entries are moved. A thread that would change an entry without the mutex takes the mutex then. */
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
/** FastMap: 1 while the owner of the mutex sleeps until another thread has changed a number in place. */
export const D_AWAITED: u32 = 200
/** SyncMap: there was no memory for a `dirty`, so none is tried while `read` has fewer entries than this and takes new keys itself. */
export const D_DIRTY_AT: u32 = 252
export const D_HEAP: u32 = 256

/** A shard of a cache: its two queues, their weights, and what adapts. All of it belongs to the shard's mutex. */
export const CACHE_STRIDE: u32 = 256
/** Two queues, one after the other: the newest entry, the oldest, the sum of the weights, the entries. */
export const Q_SMALL: u32 = 0
export const Q_MAIN: u32 = 16
export const Q_NEWEST: u32 = 0
export const Q_OLDEST: u32 = 4
export const Q_WEIGHT: u32 = 8
export const Q_COUNT: u32 = 12
/** The weight that the shard's entries may have together. */
export const Q_CAPACITY: u32 = 32
/** How many ghosts each queue has left. */
export const Q_SMALL_GHOSTS: u32 = 48
export const Q_MAIN_GHOSTS: u32 = 52
/** The table grows no sooner than when so many entries have been evicted for memory: no free pages were side by side. */
export const Q_GROW_AT: u32 = 100
/** f64: the small queue's share of the latest ghosts, about as many as the shard has entries. */
export const Q_GHOST_SHARE: u32 = 104
/** The entries of these two queues: those that count as entries of the cache. */
export const Q_VALUES: u32 = 56
/** The slot of the table up to which expired entries were looked for. */
export const Q_HAND: u32 = 60
/** Entries evicted because of the bound on weights, because of memory, and those that expired. */
export const Q_EVICTED: u32 = 64
export const Q_EVICTED_FOR_MEMORY: u32 = 68
export const Q_EXPIRED: u32 = 72
/** Loads that ended in this shard, those of them that failed, and f64: how long all took together in milliseconds. */
export const Q_LOADS: u32 = 76
export const Q_LOADS_FAILED: u32 = 80
export const Q_LOAD_TIME: u32 = 88
/** The number of the last load that began. */
export const Q_TOKEN: u32 = 96
/** A third queue: entries that loads have made, which never had a value. They weigh nothing. */
export const Q_LOADING: u32 = 112
/** Raised when a load ends for which other threads wait: they sleep on this word, on a line of its own. */
export const Q_LOAD_EPOCH: u32 = 128

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

// What a page is: the low four bits of its word in the page table; a slab's class above them, the heap's number in the high half.
export const FREE_PAGE: u32 = 0
export const SLAB: u32 = 1
/** First page of a span that holds one large block, or a table. */
export const BLOCK_SPAN: u32 = 2
export const TABLE_SPAN: u32 = 3
export const SPAN_TAIL: u32 = 4
/** A thread's scratch area; the heap number is the thread's slot. */
export const SCRATCH_SPAN: u32 = 5
/** A slab that is not formatted yet: its header means nothing. */
export const RAW_SLAB: u32 = 6
/** The pages of a value that is too large for a slab: any free pages, each naming the next. */
export const CHAIN_HEAD: u32 = 7
export const CHAIN_TAIL: u32 = 8
export const KIND_MASK: u32 = 15
/** Of a CHAIN_TAIL: set while a sweep or an audit looks for those that no head leads to. */
export const TAIL_MARK: u32 = 16
export const CLASS_SHIFT: u32 = 4
export const HEAP_SHIFT: u32 = 16
/** The bits of the heap's number. */
export const HEAP_MASK: u32 = 0xffff0000

/** A page of a chain: the head has its block header first; then the next page's address, 0 in the last one; then content. */
export const CHAIN_NEXT: u32 = 8
export const CHAIN_CONTENT: u32 = 16

/**
 * SharedCache: in front of a value's content its block has a record, so that one store of the value word publishes both: until when the
 * value is fresh, when it was made (f64, milliseconds of the cache's clock), and what is known about a load of the key. In a chain
 * each page keeps this room free.
 */
export const RECORD_BYTES: u32 = 32
export const V_FRESH_UNTIL: u32 = 0
export const V_CREATED: u32 = 8
/** The number of the load that made the value, or that is under way. */
export const V_TOKEN: u32 = 16
/** Who loads, as locks name their owner (0: nobody), two bits (LOAD_IS_*), and above them 16 bits of the owner's incarnation. */
export const V_OWNER: u32 = 20
export const LOADER: u32 = 0x3ff
/** The load failed, and the value from before it was kept. */
export const LOAD_IS_FAILED: u32 = 0x4000
/** Another thread waits for the load. */
export const LOAD_IS_WAITED: u32 = 0x8000
/** Until when the load may last: whole milliseconds of the cache's clock, modulo 2^32. */
export const V_LOAD_UNTIL: u32 = 24
/** f32: how long the value is fresh after it was made, or after a hit renewed it. */
export const V_TTL: u32 = 28

/** SharedCache: behind its key an entry has its neighbours in its queue (the newer one, the older one), its weight, and its queue. */
export const TRAILER_BYTES: u32 = 16
export const T_NEWER: u32 = 0
export const T_OLDER: u32 = 4
export const T_WEIGHT: u32 = 8
export const T_QUEUE: u32 = 12
/**
 * SharedCache of numbers: behind its neighbours an entry has room for its value, if that is fresh for ever (cache/inside.ts). Then the low half
 * of its value word is INSIDE, which is never a reference.
 */
export const NUMBER_TRAILER_BYTES: u32 = 24
export const T_NUMBER: u32 = 16
export const INSIDE: u32 = 4
/** One byte of marks stands for this many bytes (1 << MARK_SHIFT): no two entries share a byte. */
export const MARK_SHIFT: u32 = 5
/** A set of ghosts: four words {fingerprint 32 | queue 1 | number 31}. */
export const GHOST_SET: u32 = 32

// A slab's own header, in its first 64 bytes (so that blocks of 64 bytes fill whole cache lines).
/** The neighbours in the list of slabs of its class that have free blocks. */
export const G_NEXT: u32 = 0
export const G_PREVIOUS: u32 = 4
/** First free block; the next one is named at offset FREE_LINK of each. */
export const G_FREE: u32 = 8
/** Offset of what was never handed out. */
export const G_FRESH: u32 = 12
export const G_LIVE: u32 = 16
export const G_SIZE: u32 = 20
export const G_CLASS: u32 = 24
/** Fresh blocks start at this generation, which is odd. */
export const G_GENERATION: u32 = 32
export const G_LISTED: u32 = 36
/** Not 0 while the page is being emptied into others: the next such page, or LAST_VICTIM. */
export const G_VICTIM: u32 = 40
export const LAST_VICTIM: u32 = 1
export const SLAB_HEADER: u32 = 64
/**
 * Not in the low half of what was an entry's value word: in a SyncMap that half says "expunged" as long as the block is free,
 * so that a compare-exchange which comes late finds no value, and no deleted entry, there.
 */
export const FREE_LINK: u32 = 12

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
/** The longest key, in characters, that the kernel reads as a string: in two bytes a character it is one block of the default hash. */
export const MAX_TEXT: u32 = 224
/** A piece of a longer key: whole blocks of the default hash. */
export const KEY_PIECE: u32 = 896

// Policies, in the order of MapKind.
export const POLICY_UNSAFE: u32 = 0
export const POLICY_RWMUTEX: u32 = 1
export const POLICY_SYNC: u32 = 2
export const POLICY_SHARDED: u32 = 3
export const POLICY_FAST: u32 = 4
export const POLICY_CACHE: u32 = 5

// Hash functions, in the order of HashName.
export const HASH_DEFAULT: u32 = 0

export const HASH_FNV1A: u32 = 1
export const HASH_XXHASH32: u32 = 2
export const HASH_XXHASH64: u32 = 3

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
/** A value, or its weight, is above what a cache takes: the limit is in the result area. */
export const E_HEAVY: i32 = -16
/** A lock is taken; what its word holds is in the result area. */
export const E_BUSY: i32 = -13
/** A user's lock was disposed. */
export const E_DISPOSED: i32 = -14

// What functions of the kernel return to each other, and never to JavaScript.
/** The heap should be compacted; then the caller tries again. */
export const E_SPARSE: i32 = -12

/** SyncMap: the operation needs the mutex. */
export const SLOW: i32 = 100
/** Another thread changed what was being read; the caller tries again. */
export const AGAIN: i32 = 101

// What `recoverThread` returns.
/** The thread was not alive, and is recovered already. */
export const RECOVERED_BEFORE: i32 = 0
export const RECOVERED: i32 = 1
/** Another thread holds a lock that recovery needs: `finishRecoveries` does the rest. */
export const RECOVERED_IN_PART: i32 = 2

/**
 * Block headers: the word at a block's start is {meta 32 | generation 32}. Of the meta word, the length in bytes; the bits
 * between the length and the mark are the encoding, which only JavaScript reads.
 */
export const META_LENGTH: u32 = 0x0fffffff
/** The meta word of a number as a key: eight bytes. */
export const META_NUMBER: u32 = 8
/** Set on live blocks during a repair. Readers mask it out. */
export const META_MARK: u32 = 0x80000000

/** A value's block: after the header, the value. */
export const BLOCK_CONTENT: u32 = 8
/** An entry's block: after the header, the value word, then the key. */
export const ENTRY_VALUE: u32 = 8
export const ENTRY_KEY: u32 = 16
/** SyncMap: the low half of the value word of a deleted entry (maps/sync-state.ts). Anything above is a reference. */
export const NIL: u32 = 0
export const EXPUNGED: u32 = 1

// What an access to a shared word does, as the explorer's yield points are told: a load, a store, or both in one. A compare-exchange is
// both, also if it only loads.
export const READS: u32 = 0
export const WRITES: u32 = 1
export const UPDATES: u32 = 2

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
/** Replace if the entry still has this thread's load (cache/loads.ts). */
export const END_LOAD: u32 = 10

// What `beginLoad` returns beside PRESENT, which says that there is a fresh value.
/** The load that was waited for returned nothing. */
export const LOAD_NOTHING: i32 = 10
/** This thread has to load. */
export const LOAD_MINE: i32 = 11
/** Another thread loads. */
export const LOAD_OTHER: i32 = 12
/** The text of a loader's error is in the result area. */
export const LOAD_ERROR: i32 = 13
/** The load that was waited for failed, and the value from before it was kept. */
export const LOAD_KEPT: i32 = 14
/** Of `endLoad`: the load goes on, since another thread waits for it. */
export const LOAD_WAITED: i32 = 15
// How a load ends without a value.
export const LOAD_FAILS: u32 = 0
export const LOAD_ENDS: u32 = 1
export const LOAD_IS_ABANDONED: u32 = 2
export const LOAD_IS_RELEASED: u32 = 3

// The result area begins with words about the result.
/** The value word. For values in the entry that is the value. */
export const R_WORD: u32 = 0
/** Where the entry stood and its generation: with R_SHARD, R_VERSION and R_WORD, the token of a read. */
export const R_ENTRY: u32 = 8
export const R_GENERATION: u32 = 12
/** SharedCache: what the lowest bits of R_ENTRY say. The value is inside the entry, and R_WORD is that value; the value is fresh for ever. */
export const TOKEN_INSIDE: u32 = 1
export const TOKEN_ENDLESS: u32 = 2
/** The meta word of the value. */
export const R_META: u32 = 16
/** What an error is about: a needed size, the owner of a lock. */
export const R_DETAIL: u32 = 20
export const R_SHARD: u32 = 24
export const R_VERSION: u32 = 28
/** The shard that an error is about. */
export const R_ERROR_SHARD: u32 = 32
/** The status of the last look for a number: NaN is ambiguous. */
export const R_CODE: u32 = 36
/** SharedCache: from the value's record (RECORD_BYTES), and its age and remaining time. */
export const R_FRESH_UNTIL: u32 = 40
export const R_CREATED: u32 = 48
/** The number of a load, and the value of the word that is raised when it ends. */
export const R_TOKEN: u32 = 56
export const R_LOAD_EPOCH: u32 = 60
/** In their places, after `beginLoad`: whether there is a value that is not fresh, or is to be refreshed; and where that word is. */
export const R_LOAD_HAS_VALUE: u32 = 8
export const R_LOAD_WORD: u32 = 12
/** The value's bytes; of a batch, the records; of an audit, the problems. */
export const R_BYTES: u32 = 64

// In their places, after `scan`; R_SHARD and R_VERSION are as above.
/** The position at which the next batch begins. */
export const R_SCAN_NEXT: u32 = 8
/** 1: the shard has no further entries. */
export const R_SCAN_DONE: u32 = 12
/** How many records the batch has. */
export const R_SCAN_COUNT: u32 = 16
/** 1: the records are in the private window. */
export const R_SCAN_SENT: u32 = 20
/** A record of a batch: the entry's address, generation and meta word; then its key. */
export const RECORD_ENTRY: u32 = 0
export const RECORD_GENERATION: u32 = 4
export const RECORD_META: u32 = 8
export const RECORD_KEY: u32 = 16

// In their places, after E_DEADLOCK: the key that this thread computes and that others wait for.
/** Its address. */
export const R_HELD_KEY: u32 = 8
export const R_HELD_META: u32 = 16

// A table, see table/table.ts.
/** A bucket's bytes: a word of tags, then the slots. */
export const BUCKET: u32 = 64
export const BUCKET_SLOTS: u32 = 7
/** Of the slots in a bucket, this many are used on average before the table doubles. */
export const MAX_LOAD: u32 = 6
/** log2 of the most buckets a table has: 2 GiB. */
export const MAX_TABLE_BITS: u32 = 25
/** Of the low half of a table word: log2 of its buckets, SyncMap's bit that says that `dirty` has keys which `read` lacks, the address. */
export const TABLE_BITS: u32 = 31
export const TABLE_AMENDED: u32 = 32
export const TABLE_ADDRESS: u32 = 0xffffffc0

/** `audit` describes this many problems, and counts the others. */
export const MOST_PROBLEMS: u32 = 64
/** A description: the problem's number, an address, and a detail. */
export const PROBLEM_NUMBER: u32 = 0
export const PROBLEM_ADDRESS: u32 = 4
export const PROBLEM_DETAIL: u32 = 8
export const PROBLEM_SIZE: u32 = 12
// The problems' numbers. src/maps/problems.ts has their words.
export const PROBLEM_LOCK_HELD: u32 = 1
export const PROBLEM_WRITER_INSIDE: u32 = 2
export const PROBLEM_ENTRY_COUNT: u32 = 3
export const PROBLEM_DIRTY_COUNT: u32 = 4
export const PROBLEM_NOT_AMENDED: u32 = 5
export const PROBLEM_FREE_SLOT: u32 = 6
export const PROBLEM_NO_BLOCK: u32 = 7
export const PROBLEM_DEAD_ENTRY: u32 = 8
export const PROBLEM_HASH: u32 = 9
export const PROBLEM_TAG: u32 = 10
export const PROBLEM_REFERENCED_TWICE: u32 = 11
export const PROBLEM_PASSED_COUNTS: u32 = 12
export const PROBLEM_VALUE: u32 = 13
export const PROBLEM_UNREACHABLE: u32 = 14
export const PROBLEM_EXPUNGED_COUNT: u32 = 15
export const PROBLEM_DIRTY_LACKS: u32 = 16
export const PROBLEM_PAGE_KIND: u32 = 17
export const PROBLEM_SCRATCH_OWNER: u32 = 18
export const PROBLEM_PAGES_USED: u32 = 19
export const PROBLEM_EMPTY_COUNT: u32 = 20
export const PROBLEM_SLAB_CLASS: u32 = 21
export const PROBLEM_FREE_BYTES: u32 = 22
export const PROBLEM_BLOCK_LEAK: u32 = 23
export const PROBLEM_HEAP_PAGES: u32 = 24
export const PROBLEM_LIVE_COUNT: u32 = 25
export const PROBLEM_FREE_LIST: u32 = 26
export const PROBLEM_SLAB_SUM: u32 = 27
export const PROBLEM_CHAIN_LENGTH: u32 = 28
export const PROBLEM_CHAIN_LEAK: u32 = 29
export const PROBLEM_QUEUE_LINK: u32 = 30
export const PROBLEM_QUEUE_COUNT: u32 = 31
export const PROBLEM_QUEUE_WEIGHT: u32 = 32
export const PROBLEM_OVER_CAPACITY: u32 = 33
export const PROBLEM_MARK: u32 = 34
export const PROBLEM_HEADER: u32 = 35

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
 * Not 0: an owner died, and no program that could repair what the lock guards has been told. The number (plus one) of the owner's
 * thread, plus one. Only the holder of the whole lock writes it, and rarely: it is not on the line of the mutex.
 */
export const K_NEWS: u32 = 96
/** Two cache line pairs, so that no two locks share one. */
export const LOCK_BYTES: u32 = 256
