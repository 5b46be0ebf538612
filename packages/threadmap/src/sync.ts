/// <reference lib="esnext.disposable" preserve="true" />
/** threadmap/sync: locks in shared memory, for code around the maps. */

export type { BackoffOptions } from './bridge/backoff.js'
export { DisposedError, LockTimeoutError, LockUsageError } from './errors/classes.js'
export { onThreadDeath, type ThreadDeath, watchWorker as watch } from './liveness/watch.js'
export type { WatchableWorker } from './platform/workers.js'
export { Backoff } from './sync/backoff.js'
export type { LockGuard } from './sync/guard.js'
export type { LockHandle, LockKind, OwnerDied } from './sync/lock-memory.js'
export { type AsyncLocker, type Locker, Mutex } from './sync/mutex.js'
export type { LockAsyncOptions } from './sync/request.js'
export { CompatRWMutex, RWMutex } from './sync/rwmutex.js'
export type { Locked } from './sync/side.js'
export { WaitGroup } from './sync/wait-group.js'
