/**
 * Tests of a page's main thread, which run inside the page. That thread may not wait (`Atomics.wait` throws), so it spins for a
 * lock, within a bound: it gets the lock or a `LockTimeoutError`, and never hangs.
 */
import type { MapKind } from 'threadmap'
import { PATIENCE } from '../support/patience.js'
import { LET_GO, type Numbers, type While } from './jobs.js'
import { library, sync } from './library.js'
import { Peer } from './peer.js'
import { expect, make, sleep } from './smoke.js'

export { smoke } from './smoke.js'

/** Milliseconds by which a spinning thread may give up later than its time-out, on a busy machine. */
const SLACK = 20_000

/** The premise of the other tests: without it they would pass where nothing spins. */
export function mayNotWait(): string {
  expect('cross-origin isolated', globalThis.crossOriginIsolated, true)
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
  return 'it waited'
}

/** Reads and writes while two workers do nothing else, until both have worked; no addition may be lost. */
export async function contend(kind: MapKind): Promise<number> {
  const map = make(kind)
  const peers = await Promise.all([attached(map), attached(map)])
  map.set('total', 0)
  const churning = peers.map(peer => peer.call({ job: 'churn', map: 0, keys: 64, milliseconds: 'till let go' }))
  while (map.get('total') === 0) await sleep(1)

  const seen = map.get('total')!
  const began = performance.now()
  // A worker that did not run while this thread wrote has not contended.
  const contended = () => performance.now() - began > 1000 && map.get('total')! - seen > own
  let own = 0
  for (; !contended(); own++) {
    if (performance.now() - began > PATIENCE) throw new Error('no worker wrote while the main thread did')
    const key = `main${own % 64}`
    map.set(key, own)
    expect(key, map.get(key), own)
    map.add('total', 1)
  }
  map.set(LET_GO, 1)
  const theirs = ((await Promise.all(churning)) as number[]).reduce((sum, added) => sum + added)
  expect('total', map.get('total'), own + theirs)
  finish(map, peers)
  return own
}

/** A worker holds the lock that this thread wants for 400 ms, far less than the time-out: then this thread gets it. */
export async function outlast(kind: MapKind): Promise<number> {
  const map = make(kind, { computeTimeout: PATIENCE })
  const peer = await attached(map)
  const computed = peer.call({ job: 'compute', map: 0, key: 'slow', milliseconds: 400, value: 7 })
  while (!map.has('slow began')) await sleep(1)
  const started = performance.now()
  const value = map.getOrInsertComputed('slow', () => -1)
  const took = performance.now() - started
  expect('the value that the worker computed', value, 7)
  if (took > 400 + SLACK) throw new Error(`it took ${took} ms`)
  expect('the worker got', JSON.stringify(await computed), '{"value":7,"runs":1}')
  // This thread spun for 400 ms, and no thread slept for a lock.
  expect('lockSleeps', map.stats().lockSleeps, 0)
  finish(map, [peer])
  return took
}

/** A worker holds the lock until this thread has given up, in time; then the map goes on. */
export async function giveUp(kind: MapKind): Promise<number> {
  const timeout = 300
  const map = make(kind, { computeTimeout: timeout })
  const peer = await attached(map)
  const computed = peer.call({ job: 'compute', map: 0, key: 'slow', milliseconds: 'till let go', value: 7 })
  while (!map.has('slow began')) await sleep(1)
  const started = performance.now()
  const thrown = caught(() => map.getOrInsertComputed('slow', () => -1))
  const took = performance.now() - started
  expect('what was thrown', thrown, 'ComputeTimeoutError')
  if (took < timeout * 0.9 || took > timeout + SLACK) throw new Error(`it gave up after ${took} ms, not ${timeout}`)
  expect('another key', map.set('other', 1).get('other'), 1)
  map.set(LET_GO, 1)
  expect('the worker got', JSON.stringify(await computed), '{"value":7,"runs":1}')
  expect('afterwards', map.get('slow'), 7)
  finish(map, [peer])
  return took
}

/** A worker holds a `Mutex`. Returns the error of `lock(timeout)`, or 'locked'. */
export async function lockHeld(held: While, timeout: number): Promise<string> {
  const map = make('FastMap')
  const mutex = new sync.Mutex()
  const peer = await attached(map)
  const holding = peer.call({ job: 'hold', map: 0, mutex: mutex.handle, milliseconds: held })
  while (!map.has('held')) await sleep(1)
  expect('tryLock', mutex.tryLock(), false)
  const started = performance.now()
  const thrown = caught(() => mutex.lock(timeout))
  const took = performance.now() - started
  if (took > (typeof held === 'number' ? Math.min(held, timeout) : timeout) + SLACK)
    throw new Error(`${thrown ?? 'locked'} after ${took} ms`)
  if (!thrown) mutex.unlock()
  map.set(LET_GO, 1)
  await holding
  expect('afterwards', mutex.tryLock(), true)
  mutex.unlock()
  mutex[Symbol.dispose]()
  finish(map, [peer])
  return thrown ?? 'locked'
}

/** The errors of a lock, a map and a computation while a worker holds what this thread wants. */
export async function refusals(): Promise<string[]> {
  const map = make('FastMap', { lockTimeout: 100, computeTimeout: 100 })
  const mutex = new sync.Mutex()
  const peer = await attached(map)
  const holding = peer.call({ job: 'hold', map: 0, mutex: mutex.handle, milliseconds: 'till let go' })
  while (!map.has('held')) await sleep(1)
  const said = [message(() => mutex.lock(100))]
  map.set(LET_GO, 1)
  await holding
  map.delete(LET_GO)
  void peer.call({ job: 'compute', map: 0, key: 'slow', milliseconds: 60_000, value: 7 })
  while (!map.has('slow began')) await sleep(1)
  said.push(message(() => map.getOrInsertComputed('slow', () => 1)))
  mutex[Symbol.dispose]()
  finish(map, [peer])
  return said
}

/** A worker is terminated while it holds a `Mutex`. Returns what `lock` reports of it. */
export async function lockOfTheDead(): Promise<string> {
  const map = make('FastMap')
  const mutex = new sync.Mutex()
  const peer = await attached(map)
  void peer.call({ job: 'hold', map: 0, mutex: mutex.handle, milliseconds: 60_000 })
  while (!map.has('held')) await sleep(1)
  peer.terminate()
  await sleep(1000)
  const started = performance.now()
  const thrown = caught(() => mutex.lock(300))
  const took = performance.now() - started
  if (took > 300 + SLACK) throw new Error(`${thrown ?? 'locked'} after ${took} ms`)
  map[Symbol.dispose]()
  return thrown ?? 'locked'
}

/**
 * Workers that are terminated inside an operation, some of them holding a lock. Each operation of this thread succeeds or
 * throws `LockTimeoutError`, in time. Returns how many were refused.
 */
export async function survive(kind: MapKind, rounds: number): Promise<number> {
  const timeout = 200
  let refused = 0
  for (let round = 0; round < rounds; round++) {
    const map = make(kind, { lockTimeout: timeout })
    map.set('total', 0).set('kept', round)
    const peer = await attached(map)
    // The call is never answered: the worker dies.
    void peer.call({ job: 'churn', map: 0, keys: 8, milliseconds: 60_000 })
    while (map.get('total') === 0) await sleep(1)
    await sleep(round)
    peer.terminate()
    await sleep(20)
    for (let i = 0; i < 20; i++) {
      const started = performance.now()
      const thrown = caught(() => map.set(`key${i}`, i))
      const took = performance.now() - started
      if (thrown) expect('what was thrown', thrown, 'ComputeTimeoutError')
      else expect(`key${i}`, caught(() => map.get(`key${i}`)) ?? map.get(`key${i}`), i)
      if (took > timeout + SLACK) throw new Error(`round ${round}: ${thrown ?? 'set'} after ${took} ms`)
      if (thrown) refused++
    }
    map[Symbol.dispose]()
  }
  return refused
}

async function attached(map: Numbers): Promise<Peer> {
  const peer = await Peer.start()
  await peer.call({ job: 'attach', map: 0, handle: map.handle })
  return peer
}

function finish(map: Numbers, peers: Peer[]): void {
  for (const peer of peers) peer.terminate()
  map[Symbol.dispose]()
}

/** The error that `operation` throws, as text. */
function message(operation: () => unknown): string {
  try {
    operation()
    return 'nothing was thrown'
  } catch (error) {
    return String(error)
  }
}

/** The name of the library's error that `operation` throws, if it does; other errors pass through. */
function caught(operation: () => unknown): string | undefined {
  try {
    operation()
    return undefined
  } catch (error) {
    if (error instanceof library.ThreadmapError) return error.name
    throw error
  }
}
