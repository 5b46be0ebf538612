/**
 * Every error the library throws on purpose. Each has a stable `code`, and a message that states the request, the limit and the next
 * step. An operation throws before it changes anything: after an error the map is as it was.
 *
 * The prototypes have the names of the classes as text, because bundlers shorten the names of classes.
 */
export class ThreadmapError extends Error {
  static {
    ThreadmapError.prototype.name = 'ThreadmapError'
  }
  /** Which error it is: `ERR_THREADMAP_` and a name, the same in every version. */
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
    // A subclass that a program declares has no name on its prototype: it gets the name of its declaration.
    if (!Object.hasOwn(new.target.prototype, 'name')) this.name = new.target.name
  }

  /** `OptionError` extends JavaScript's `TypeError` and not this class, and yet counts as one of these errors. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true
    return this === ThreadmapError && value instanceof OptionError
  }
}

/** The memory of the map is used up: `maxBytes` is reached and nothing can be reclaimed. */
export class MapFullError extends ThreadmapError {
  static {
    MapFullError.prototype.name = 'MapFullError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_FULL', message)
  }
}

/** A key is longer than `MAX_KEY_BYTES` when encoded. */
export class KeyTooLargeError extends ThreadmapError {
  static {
    KeyTooLargeError.prototype.name = 'KeyTooLargeError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_KEY_TOO_LARGE', message)
  }
}

/** A value is longer than `MAX_VALUE_BYTES` when encoded. */
export class ValueTooLargeError extends ThreadmapError {
  static {
    ValueTooLargeError.prototype.name = 'ValueTooLargeError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_VALUE_TOO_LARGE', message)
  }
}

/** A key or value is not of the type that the map's codec takes, or two codecs do not fit each other. */
export class CodecError extends ThreadmapError {
  static {
    CodecError.prototype.name = 'CodecError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_CODEC', message)
  }
}

/**
 * An option of a constructor, or an argument of a method, is unknown or outside its range. A `TypeError`, as JavaScript's own
 * functions throw for such arguments; `instanceof ThreadmapError` holds as well.
 */
export class OptionError extends TypeError {
  static {
    OptionError.prototype.name = 'OptionError'
  }
  /** `ERR_THREADMAP_OPTION`. */
  readonly code: string
  constructor(message: string) {
    super(message)
    this.code = 'ERR_THREADMAP_OPTION'
  }
}

/** `attach` was given a value that is no handle, or a memory that is foreign, damaged, or of another layout version. */
export class AttachError extends ThreadmapError {
  static {
    AttachError.prototype.name = 'AttachError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_ATTACH', message)
  }
}

/**
 * The shared memory contradicts itself: something outside this library wrote to it. The thread that gets this error does nothing more
 * in that memory. Not all damage can be noticed; docs/trust.md says which is.
 */
export class DamagedMemoryError extends ThreadmapError {
  static {
    DamagedMemoryError.prototype.name = 'DamagedMemoryError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_DAMAGED', message)
  }
}

/** The map (or lock) was disposed in this thread, and then used. */
export class DisposedError extends ThreadmapError {
  static {
    DisposedError.prototype.name = 'DisposedError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_DISPOSED', message)
  }
}

/** More threads are attached than the registry of one map holds. */
export class ThreadLimitError extends ThreadmapError {
  static {
    ThreadLimitError.prototype.name = 'ThreadLimitError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_THREAD_LIMIT', message)
  }
}

/**
 * A thread waited `lockTimeout` for a lock and did not get it. The lock's owner is alive and slow, or its death could not be noticed
 * (see `watch`). The message names the owner and the shard.
 */
export class LockTimeoutError extends ThreadmapError {
  static {
    LockTimeoutError.prototype.name = 'LockTimeoutError'
  }
  /** The registry slot (plus one) of the thread that holds the lock; 0 where readers hold it, or the owner is not known. */
  readonly owner: number
  /** The shard that the lock guards, from 0; -1 for a lock of the whole map, and for one of `threadmap/sync`. */
  readonly shard: number
  constructor(message: string, owner: number, shard: number) {
    super('ERR_THREADMAP_LOCK_TIMEOUT', message)
    this.owner = owner
    this.shard = shard
  }
}

/** A lock was used against its rules: unlocked by a thread that does not hold it, or locked again by its owner. */
export class LockUsageError extends ThreadmapError {
  static {
    LockUsageError.prototype.name = 'LockUsageError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_LOCK_USAGE', message)
  }
}

/**
 * `getOrInsertComputed` was called for a key from within the function that computes that same key, or `fetch` of a `SharedCache` from within
 * the loader of that key.
 */
export class RecursiveComputeError extends ThreadmapError {
  static {
    RecursiveComputeError.prototype.name = 'RecursiveComputeError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_RECURSIVE_COMPUTE', message)
  }
}

/**
 * A thread changed a key from within the function that its own `update` runs for this key. Return the new value from the function
 * instead.
 */
export class RecursiveUpdateError extends ThreadmapError {
  static {
    RecursiveUpdateError.prototype.name = 'RecursiveUpdateError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_RECURSIVE_UPDATE', message)
  }
}

/**
 * `getOrInsertComputed` waited `computeTimeout` for the function of another thread. That thread is alive and slow, or its death could
 * not be noticed. `key` is the key, `owner` the registry slot (plus one) of the thread that computes it.
 */
export class ComputeTimeoutError extends ThreadmapError {
  static {
    ComputeTimeoutError.prototype.name = 'ComputeTimeoutError'
  }
  /** The key whose computation was waited for. */
  readonly key: unknown
  /** The registry slot (plus one) of the thread that computes the key. */
  readonly owner: number
  constructor(message: string, key: unknown, owner: number) {
    super('ERR_THREADMAP_COMPUTE_TIMEOUT', message)
    this.key = key
    this.owner = owner
  }
}

/**
 * Threads would wait for each other's computations for ever. This thread computes `held` and asked for `wanted`. The thread that
 * computes `wanted` waits for `held`, itself or through other threads. The thread that would close the circle gets this error at once;
 * the others go on when its function has ended. `owner` is the registry slot (plus one) of the thread that computes `wanted`.
 */
export class ComputeDeadlockError extends ThreadmapError {
  static {
    ComputeDeadlockError.prototype.name = 'ComputeDeadlockError'
  }
  /** A key that this thread computes. */
  readonly held: unknown
  /** The key that this thread asked for. */
  readonly wanted: unknown
  /** The registry slot (plus one) of the thread that computes `wanted`. */
  readonly owner: number
  constructor(message: string, held: unknown, wanted: unknown, owner: number) {
    super('ERR_THREADMAP_COMPUTE_DEADLOCK', message)
    this.held = held
    this.wanted = wanted
    this.owner = owner
  }
}

/**
 * A load of `SharedCache.fetch` lasted `loadTimeout`: its loader's promise did not settle, its thread was blocked, or loaders wait for each
 * other. `key` is the key.
 */
export class LoadTimeoutError extends ThreadmapError {
  static {
    LoadTimeoutError.prototype.name = 'LoadTimeoutError'
  }
  /** The key that was being loaded; undefined in threads other than the one that loaded it. */
  readonly key: unknown
  constructor(message: string, key: unknown) {
    super('ERR_THREADMAP_LOAD_TIMEOUT', message)
    this.key = key
  }
}

/**
 * A load of `SharedCache.fetch` for which this thread waited failed in another thread, and what its loader threw could not be
 * brought here. The message says what is known.
 */
export class LoadFailedError extends ThreadmapError {
  static {
    LoadFailedError.prototype.name = 'LoadFailedError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_LOAD_FAILED', message)
  }
}

/**
 * Two threads used an `UnsafeMap` at the same time. The message is one of Go's three: "concurrent map writes",
 * "concurrent map read and map write", "concurrent map iteration and map write". The memory is not damaged.
 */
export class ConcurrentMapError extends ThreadmapError {
  static {
    ConcurrentMapError.prototype.name = 'ConcurrentMapError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_CONCURRENT', message)
  }
}

/** The runtime lacks or forbids WebAssembly, or memory that threads share. The library needs both. */
export class UnsupportedError extends ThreadmapError {
  static {
    UnsupportedError.prototype.name = 'UnsupportedError'
  }
  constructor(message: string) {
    super('ERR_THREADMAP_UNSUPPORTED', message)
  }
}

/** Why a dump could not be loaded: see `DumpError`. */
export type DumpFault = 'foreign' | 'version' | 'codec' | 'truncated' | 'damaged'

/**
 * A dump cannot be loaded: it is no dump of this library (`foreign`), has another version of the format (`version`), holds keys or values of
 * other codecs than the map (`codec`), ends too early (`truncated`), or does not agree with its checksums (`damaged`).
 */
export class DumpError extends ThreadmapError {
  static {
    DumpError.prototype.name = 'DumpError'
  }
  /** Which of these it is. */
  readonly reason: DumpFault
  /** Where in the dump the fault was found, in bytes from its beginning. */
  readonly offset: number
  constructor(message: string, reason: DumpFault, offset: number) {
    super('ERR_THREADMAP_DUMP', message)
    this.reason = reason
    this.offset = offset
  }
}
