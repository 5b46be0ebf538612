/**
 * A thread is at work in a shard, where it changes a number in place, and stays there (kernel/threads/at-work.ts): it has died, or somebody
 * has stopped it. Who wants the shard alone goes on if the thread is known to be dead, and else gives up in time, having changed nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastMap, f64, LockTimeoutError, MapFullError } from 'threadmap'
import { perform } from './operations.js'
import type { Step } from './steps.js'
import { Death, L, type LogicalThread, type Scheduler } from './thread.js'
import { World } from './world.js'

const inPlace: readonly Step[] = [
  { op: 'set', key: 'a', value: 7 },
  { op: 'add', key: 'a', value: 6 },
]

/** Stops its thread for good before one of its accesses. */
class Stop implements Scheduler {
  accesses = 0
  at = Number.POSITIVE_INFINITY

  access(): boolean {
    if (this.accesses++ >= this.at) throw new Death()
    return true
  }

  resumed(): void {}
  wait(): number {
    throw new Error('a change in place waits for nobody')
  }
  notify(): number {
    return 0
  }
  grow(): number {
    throw new Error('a change in place needs no memory')
  }
  now(): number {
    return 0
  }
  cacheTime(): number {
    return 0
  }
}

interface Stopped {
  world: World
  thread: LogicalThread
  /** The thread is at work. */
  isAtWork: boolean
}

/** Each step of each change in place, at which its thread has stopped. */
function* stopped(): Generator<Stopped> {
  for (const step of inPlace) {
    const stop = new Stop()
    const world = new World('FastMap', 'numbers', 1, map => map.set('a', 1).set('b', 2)).grown()
    const thread = world.addThread(stop)
    world.freeze(true)
    for (let at = 0; ; at++) {
      world.restore()
      stop.accesses = 0
      stop.at = at
      const operation = perform(world, thread, step)
      let ended = false
      try {
        let next = operation.next()
        while (!next.done) next = operation.next(thread.run(next.value)!)
        ended = true
      } catch (error) {
        if (!(error instanceof Death)) throw error
      }
      stop.at = Number.POSITIVE_INFINITY
      if (ended) break
      const busy = (L.REGISTRY + (thread.owner - 1) * L.SLOT_SIZE + L.S_BUSY) >>> 2
      yield { world, thread, isAtWork: world.words[busy] !== 0 }
    }
    world.dispose()
  }
}

test('who is known to be dead is not waited for', () => {
  let atWork = 0
  for (const { world, thread, isAtWork } of stopped()) {
    const { map } = world
    map.session.kernel.declareDead(thread.owner)
    const old = map.swap('a', 55)
    assert.ok(old === 1 || old === 7, `${old}`)
    assert.equal(map.delete('a'), true)
    map.clear()
    assert.equal(map.size, 0)
    map.session.recover(thread.owner)
    assert.deepEqual(world.audit(), [])
    if (isAtWork) atWork++
  }
  assert.ok(atWork >= 10, `${atWork} accesses at work`)
})

test('who stays at work for too long is named, and nothing is changed', () => {
  let atWork = 0
  for (const { world, thread, isAtWork } of stopped()) {
    const { map } = world
    if (!isAtWork) continue
    const old = map.get('a')
    // Each of them would wait for lockTimeout. They take turns, so that the test does not take long.
    const refused = [() => map.swap('a', 55), () => map.delete('a'), () => map.clear()][atWork++ % 3]
    assert.throws(
      refused,
      (error: unknown) => error instanceof LockTimeoutError && error.owner === thread.owner && error.shard === 0,
    )
    assert.equal(map.get('a'), old)
    assert.equal(map.size, 2)
    // Numbers can still be changed, and keys can come.
    assert.equal(map.set('a', 9).get('a'), 9)
    assert.equal(map.add('b', 3), 5)
    assert.equal(map.set('c', 4).get('c'), 4)
    map.session.recover(thread.owner)
    assert.equal(map.getAndDelete('a'), 9)
    assert.deepEqual(world.audit(), [])
  }
  assert.ok(atWork >= 10, `${atWork} accesses at work`)
})

const seed = 3n
const shards = 2
/** Entries that fill the map below several times over. */
const MANY = 60_000

/** Keys by the shard that they belong to. */
function keysByShard(): number[][] {
  const map = new FastMap<number, number>({ key: f64, value: f64, seed, shards })
  const keys: number[][] = [[], []]
  let inFirst = 0
  for (let key = 0; key < MANY; key++) {
    map.set(key, key)
    const used = map.session.kernel.shardCounter(0, L.D_USED)
    keys[used > inFirst ? 0 : 1].push(key)
    inFirst = used
  }
  map[Symbol.dispose]()
  return keys
}

/** Sets keys until the map is full, or one shard is another one's. Returns how many. */
function fill(map: FastMap<number, number>, keys: readonly number[]): number {
  for (const [i, key] of keys.entries()) {
    try {
      map.set(key, key)
    } catch (error) {
      assert.ok(error instanceof MapFullError, String(error))
      return i
    }
  }
  throw new Error('the map did not become full')
}

test('a shard in which a thread is at work is left alone by who needs memory', () => {
  const [first, second] = keysByShard()
  /** How often the first shard, which is sparse, is compacted when the second one needs memory. */
  const compactions = (hasWorker: boolean): number => {
    const map = new FastMap<number, number>({ key: f64, value: f64, seed, shards, maxBytes: 2 ** 20 })
    const { kernel, memory } = map.session
    const filled = fill(map, first)
    for (let i = 0; i < filled; i++) if (i % 16 !== 0) map.delete(first[i])
    const words = new Int32Array(memory.buffer)
    const slot = (L.REGISTRY + 5 * L.SLOT_SIZE) >>> 2
    if (hasWorker) {
      words[slot + (L.S_STATE >>> 2)] = L.SLOT_ALIVE
      words[slot + (L.S_BUSY >>> 2)] = L.SHARDS
      words[L.H_SLOTS >>> 2] = 6
    }
    const before = kernel.shardCounter(0, L.D_COMPACTIONS)
    fill(map, second)
    const after = kernel.shardCounter(0, L.D_COMPACTIONS)
    words[slot + (L.S_BUSY >>> 2)] = 0
    words[slot + (L.S_STATE >>> 2)] = L.SLOT_FREE
    assert.deepEqual(map.audit(), [])
    map[Symbol.dispose]()
    return after - before
  }
  assert.ok(compactions(false) > 0)
  assert.equal(compactions(true), 0)
})
