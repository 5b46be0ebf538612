/** Access to words of a map's memory and to its locks, which no user has. */
import type { ConcurrentMap, MapHandle } from 'threadmap'
import { READ_LOCK_KINDS } from './kinds.js'
import { PATIENCE } from './patience.js'

const bridge = (file: string): string => new URL(`../../../dist/bridge/${file}`, import.meta.url).href
const L = (await import(bridge('layout.generated.js'))) as typeof import('../../dist/bridge/layout.generated.js')
const { POLICIES } = (await import(bridge('policies.js'))) as typeof import('../../dist/bridge/policies.js')
const { Session } = (await import(bridge('session.js'))) as typeof import('../../dist/bridge/session.js')

function shardAddress(words: Int32Array, shard: number): number {
  return words[L.H_SHARDS >>> 2]! + shard * L.SHARD_SIZE
}

/** How many shares of the first shard's lock are held for reading now. */
export function sharesHeld(map: ConcurrentMap<never, never>): number {
  const words = new Int32Array(map.handle.memory.buffer)
  return Atomics.load(words, (shardAddress(words, 0) + L.D_READERS) >>> 2) & 0xffff
}

export interface ShardLock {
  take(how: 'write' | 'read'): void
  release(how: 'write' | 'read'): void
}

/**
 * The lock of a shard, taken and given back by the kernel's own code under this thread's name. While it is held this thread
 * must not use the shard.
 */
export function lockOfShard(handle: MapHandle<never, never>, shard: number): ShardLock {
  const session = Session.attach(handle.memory, POLICIES[handle.kind].number)
  const hasReaders = READ_LOCK_KINDS.includes(handle.kind)
  // The kernel's functions for users' locks take the block of a lock; a shard has its two words at the same distance.
  if (L.D_READERS - L.D_LOCK !== L.K_READERS - L.K_MUTEX) throw new Error('a shard has its lock words in another order')
  const words = new Int32Array(handle.memory.buffer)
  const block = shardAddress(words, shard) + L.D_LOCK - L.K_MUTEX
  const generation = words[block >>> 2]!
  const done = (code: number) => {
    if (code !== 0) throw new Error(`the kernel says ${code}`)
  }
  return {
    take(how) {
      if (how === 'read') done(session.kernel.lockReader(block, generation, 0))
      else if (hasReaders) done(session.kernel.lockWriter(block, generation, 0))
      else done(session.kernel.lockMutex(block, generation, 0))
    },
    release(how) {
      if (how === 'read') done(session.kernel.unlockReader(block, generation))
      else if (hasReaders) done(session.kernel.unlockWriter(block, generation))
      else done(session.kernel.unlockMutex(block, generation))
    },
  }
}

/** Takes the lock of the first shard as soon as it is free, as a write that never ends does. */
export function takeShard(handle: MapHandle<never, never>): void {
  const lock = lockOfShard(handle, 0)
  for (const end = performance.now() + PATIENCE; ; ) {
    try {
      lock.take('write')
      return
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
