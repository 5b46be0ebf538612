/**
 * How long a write of a cache holds the lock of a shard, in accesses to shared memory: what others wait for at most, whatever the cache's
 * bound is and however busy this machine. An access takes 5 to 10 ns, so MOST are less than a millisecond.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, string } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'
import { KEY, L, LogicalThread, READS, VALUE } from './thread.js'

const MOST = 80_000
/** Bytes of the header that nothing uses, for the stack of a thread that is never suspended. */
const UNUSED = 896

interface Pauses {
  /** Accesses while a shard was locked: the most. */
  longest: number
  set(key: number, value: string): void
  get(key: number): void
}

/** A thread that counts its accesses. */
function counting(cache: SharedCache<number, string>): Pauses {
  const memory = cache.session.memory as WebAssembly.Memory
  const shards = cache.shardStats().length
  const held = new Map<number, number>()
  let steps = 0
  const isLock = (address: number): boolean =>
    address >= L.SHARDS &&
    address < L.SHARDS + shards * L.SHARD_SIZE &&
    (address - L.SHARDS) % L.SHARD_SIZE === L.D_LOCK
  const thread = new LogicalThread(
    memory,
    {
      access(_thread, address, kind) {
        steps++
        if (kind === READS || !isLock(address)) return true
        const since = held.get(address)
        if (since === undefined) held.set(address, steps)
        else {
          held.delete(address)
          if (steps - since > pauses.longest) pauses.longest = steps - since
        }
        return true
      },
      resumed() {},
      wait: () => assert.fail('one thread waits for nobody'),
      notify: () => 0,
      grow: pages => memory.grow(pages),
      now: () => 0,
      cacheTime: () => 0,
    },
    0,
    UNUSED,
    64,
  )
  const pauses: Pauses = {
    longest: 0,
    set(key, value) {
      const valueMeta = string.write(thread.scratch, VALUE, value)
      const code = thread.kernel.changeCache(L.SET, f64.write(thread.scratch, KEY, key), valueMeta, 0, Infinity, 1)
      assert.ok(code >= 0, `set returned ${code}`)
      assert.equal(held.size, 0)
    },
    get(key) {
      thread.kernel.get(f64.write(thread.scratch, KEY, key))
    },
  }
  return pauses
}

function check(
  name: string,
  options: CacheOptions<number, string>,
  lengthOf: (key: number) => number,
  keys: number,
): void {
  test(name, () => {
    using cache = new SharedCache({ seed: 1n, ...options })
    const pauses = counting(cache)
    const longest = 'x'.repeat(8192)
    for (let key = 0; key < keys; key++) {
      pauses.set(key, longest.slice(0, lengthOf(key)))
      // So that the main queue changes too.
      if (key % 4 === 0) for (let hit = 0; hit < 2; hit++) pauses.get(key)
    }
    const { compactions, resizes } = cache.stats()
    console.log(
      `${name}: ${cache.shardStats().length} shards, ${resizes} larger tables, ${compactions} compactions, at most ${pauses.longest} accesses under a lock`,
    )
    assert.ok(resizes + compactions > 0, 'nothing happened that takes long')
    assert.ok(pauses.longest < MOST)
    assert.deepEqual(cache.audit(), [])
  })
}

/** Sizes of 10 to 3,600 bytes, around a middle that goes up and down. */
function drifting(key: number): number {
  const middle = 100 * 6 ** Math.sin(key / 40_000)
  return Math.floor(middle * 6 ** ((Math.imul(key, 0x9e3779b1) >>> 16) / 32_768 - 1))
}

const key = f64
const value = string
check('tables of a cache with max grow in a short time', { key, value, max: 300_000 }, () => 1, 300_000)
check('a full memory is compacted in a short time', { key, value, maxBytes: 32 * 2 ** 20 }, drifting, 600_000)
