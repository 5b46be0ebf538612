/**
 * Threads hear of a death even if their map was collected, if they never had one, or if their event loop does not turn. The death
 * is declared in all memories first, then listeners run.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { f64, type MapHandle, type MapKind, onThreadDeath, string, UnsafeMap } from 'threadmap'
import { Mutex } from 'threadmap/sync'
import type { ForwarderMessage, ForwarderTask } from '../../programs/forwarder.js'
import type { HolderTask } from '../../programs/holder.js'
import type { SurvivorInput, SurvivorReport } from '../../programs/survivor.js'
import { collectGarbage } from '../../support/garbage.js'
import { ALL_KINDS } from '../../support/kinds.js'
import { attachMap, createMap } from '../../support/maps.js'
import { until } from '../../support/patience.js'

const LOCK_TIMEOUT = 20_000
/** Milliseconds, far below the time-out: an operation within them has not waited for the time-out. */
const AT_ONCE = 8000

type Handle = MapHandle<string, number>

function newMap(kind: MapKind) {
  return createMap<string, number>(kind, { key: string, value: f64, shards: 1, lockTimeout: LOCK_TIMEOUT })
}

function workerOf(program: string, workerData: unknown): Worker {
  return new Worker(new URL(`../../programs/${program}.js`, import.meta.url), { workerData })
}

/** A worker that holds the map's only shard. */
async function holder(task: Omit<HolderTask, 'log'>): Promise<Worker> {
  const log = new SharedArrayBuffer(8)
  const worker = workerOf('holder', { ...task, log } satisfies HolderTask)
  await until(() => Atomics.load(new Int32Array(log), 0) === 1, 'the worker holds the shard')
  return worker
}

/** A worker that uses the map without a pause. */
class Survivor {
  readonly #worker: Worker
  readonly #control = new Int32Array(new SharedArrayBuffer(8))

  constructor(input: Omit<SurvivorInput, 'control'>) {
    this.#worker = workerOf('survivor', { ...input, control: this.#control.buffer as SharedArrayBuffer })
    this.#worker.on('error', error => {
      throw error
    })
  }

  /** Waits until the worker has done more operations. */
  async goesOn(): Promise<void> {
    const before = Atomics.load(this.#control, 0)
    await until(() => Atomics.load(this.#control, 0) > before + 1, 'the survivor goes on')
  }

  async stop(): Promise<SurvivorReport> {
    Atomics.store(this.#control, 1, 1)
    Atomics.notify(this.#control, 1)
    const [report] = (await once(this.#worker, 'message')) as [SurvivorReport]
    await this.#worker.terminate()
    return report
  }
}

class Forwarder {
  readonly worker: Worker
  private constructor(worker: Worker) {
    this.worker = worker
  }

  static async start(loads: ForwarderTask['loads']): Promise<Forwarder> {
    const worker = workerOf('forwarder', { loads } satisfies ForwarderTask)
    await once(worker, 'message')
    return new Forwarder(worker)
  }

  async #ask(message: ForwarderMessage): Promise<void> {
    this.worker.postMessage(message)
    await once(this.worker, 'message')
  }

  /** Makes a worker of the forwarder hold the map's only shard. */
  async hold(map: Handle): Promise<void> {
    const log = new SharedArrayBuffer(8)
    await this.#ask({ create: { map, log } })
    await until(() => Atomics.load(new Int32Array(log), 0) === 1, 'the worker holds the shard')
  }

  async kill(): Promise<void> {
    await this.#ask({ kill: true })
  }
}

function timed(action: () => void): number {
  const began = performance.now()
  action()
  return performance.now() - began
}

/** Maps whose collection is awaited, and those that are gone. */
const gone = new Set<object>()
const registry = new FinalizationRegistry<object>(ref => gone.add(ref))

/**
 * Makes objects until the garbage collector runs, as a working program does. It does not ask the reference meanwhile: that keeps the map
 * for the turn, and a collection that takes several turns would then find it in use each time.
 */
async function collectNaturally(map: WeakRef<object>): Promise<void> {
  let kept: unknown[] = []
  await until(() => {
    for (let i = 0; i < 20_000; i++) kept.push({ i, text: `${i}` })
    if (kept.length > 400_000) kept = []
    return gone.has(map)
  }, 'the map is collected')
}

/** The main thread of the README: it creates the map, hands it on, sets a key, and does other things. */
function readme(kind: MapKind): { handle: Handle; map: WeakRef<object> } {
  const map = newMap(kind)
  map.set('/index.html', 1)
  const ref = new WeakRef(map)
  registry.register(map, ref)
  return { handle: map.handle as Handle, map: ref }
}

for (const kind of ALL_KINDS) {
  for (const [how, collect] of [
    ['a forced collection', collectGarbage],
    ['a natural collection', collectNaturally],
  ] as const) {
    if (how === 'a natural collection' && kind !== 'FastMap') continue
    test(`${kind}: deaths are heard in a thread whose own map is gone after ${how}`, async () => {
      const { handle, map } = readme(kind)
      // The survivor of an UnsafeMap must not use it while another thread writes.
      const survivor = kind === 'UnsafeMap' ? undefined : new Survivor({ map: handle })
      await survivor?.goesOn()
      await collect(map)
      await until(() => map.deref() === undefined, 'the map is collected')
      for (let death = 0; death < 3; death++) {
        const victim = await holder({ map: handle })
        await collectGarbage()
        await victim.terminate()
        await survivor?.goesOn()
      }
      const report = await survivor?.stop()
      assert.deepEqual(report?.errors ?? [], [])
      assert.ok((report?.longest ?? 0) < AT_ONCE, `an operation took ${report?.longest} ms`)
      using again = attachMap(handle)
      await until(() => again.stats().threads === 1, 'all places are given back')
      assert.ok(timed(() => again.set('alive', 1)) < AT_ONCE)
      assert.deepEqual(again.audit(), [])
    })
  }

  test(`${kind}: deaths are heard in a thread that disposed its own map`, async () => {
    const map = newMap(kind)
    const { handle } = map
    map[Symbol.dispose]()
    const victim = await holder({ map: handle as Handle })
    await victim.terminate()
    using again = attachMap(handle)
    assert.ok(timed(() => again.set('alive', 1)) < AT_ONCE)
    assert.equal(again.stats().threads, 1)
  })

  for (const loads of ['threadmap', 'threadmap/watch'] as const) {
    test(`${kind}: a forwarder that loads ${loads} hears its workers' deaths, for a map it never opened`, async () => {
      using map = newMap(kind)
      const forwarder = await Forwarder.start(loads)
      for (let death = 0; death < (kind === 'FastMap' ? 24 : 2); death++) {
        await forwarder.hold(map.handle as Handle)
        await forwarder.kill()
        const took = timed(() => map.set('alive', death))
        assert.ok(took < AT_ONCE, `a write took ${took} ms`)
        assert.equal(map.stats().threads, 1)
      }
      await forwarder.worker.terminate()
      assert.deepEqual(map.audit(), [])
    })
  }

  for (const loads of ['threadmap', 'threadmap/watch', undefined] as const) {
    test(`${kind}: the workers of a forwarder that loads ${loads ?? 'nothing'} are forgotten when it ends`, async () => {
      using map = newMap(kind)
      for (let death = 0; death < 2; death++) {
        const forwarder = await Forwarder.start(loads)
        await forwarder.hold(map.handle as Handle)
        await forwarder.worker.terminate()
        assert.equal(map.stats().threads, 1)
        const took = timed(() => map.set('alive', 1))
        assert.ok(took < AT_ONCE, `a write took ${took} ms`)
      }
      assert.deepEqual(map.audit(), [])
    })
  }

  test(`${kind}: in an 'exit' listener that was added right after new Worker the map is recovered`, async () => {
    using map = newMap(kind)
    for (let death = 0; death < 3; death++) {
      const log = new SharedArrayBuffer(8)
      const worker = workerOf('holder', { map: map.handle as Handle, log } satisfies HolderTask)
      const took = new Promise<number>((resolve, reject) => {
        worker.once('exit', () => {
          try {
            resolve(timed(() => map.set('alive', death)))
          } catch (error) {
            reject(error)
          }
        })
      })
      await until(() => Atomics.load(new Int32Array(log), 0) === 1, 'the worker holds the shard')
      await worker.terminate()
      assert.ok((await took) < AT_ONCE, `a write took ${await took} ms`)
    }
  })

  test(`${kind}: a write right after terminate() that was not awaited goes on at once`, async () => {
    using map = newMap(kind)
    for (let death = 0; death < 3; death++) {
      const victim = await holder({ map: map.handle as Handle })
      const dying = victim.terminate()
      // An UnsafeMap does not wait: for as long as the dying thread runs, it is a thread that writes.
      const end = performance.now() + AT_ONCE
      const write = () => {
        while (true) {
          try {
            map.set('alive', death)
            return
          } catch (error) {
            if (kind !== 'UnsafeMap' || performance.now() > end) throw error
          }
        }
      }
      const took = timed(write)
      assert.ok(took < AT_ONCE, `a write took ${took} ms`)
      await dying
      assert.equal(map.stats().threads, 1)
    }
    assert.deepEqual(map.audit(), [])
  })
}

test('UnsafeMap under a Mutex that is older: a death inside both accuses nobody', async () => {
  const mutex = new Mutex()
  using map = new UnsafeMap({ key: string, value: f64 })
  const survivor = new Survivor({ map: map.handle as Handle, mutex: mutex.handle })
  await survivor.goesOn()
  for (let death = 0; death < 7; death++) {
    const victim = await holder({ map: map.handle as Handle, mutex: mutex.handle })
    await victim.terminate()
    await survivor.goesOn()
  }
  const { errors, longest } = await survivor.stop()
  assert.deepEqual(errors, [])
  assert.ok(longest < AT_ONCE, `an operation took ${longest} ms`)
  await until(() => map.stats().threads === 1, 'all places are given back')
})

test('onThreadDeath: every map is recovered before the listener runs, and the listener before any other for exit', async () => {
  const maps = ALL_KINDS.map(newMap)
  const order: string[] = []
  const took: number[] = []
  const removed = onThreadDeath(() => order.push('removed'))
  removed()
  let number = -1
  const remove = onThreadDeath(({ threadId }) => {
    if (threadId !== number) return
    order.push('death')
    took.push(...maps.map(map => timed(() => map.set('alive', 1))))
    took.push(...maps.map(map => (map.stats().threads === 1 ? 0 : LOCK_TIMEOUT)))
  })
  try {
    for (const map of maps) {
      const log = new SharedArrayBuffer(8)
      const worker = workerOf('holder', { map: map.handle as Handle, log } satisfies HolderTask)
      worker.once('exit', () => order.push('exit'))
      number = worker.threadId
      await until(() => Atomics.load(new Int32Array(log), 0) === 1, 'the worker holds the shard')
      await worker.terminate()
    }
    assert.deepEqual(
      order,
      maps.flatMap(() => ['death', 'exit']),
    )
    for (const milliseconds of took) assert.ok(milliseconds < AT_ONCE, `a write took ${milliseconds} ms`)
  } finally {
    remove()
    for (const map of maps) map[Symbol.dispose]()
  }
})

test('onThreadDeath: tells of threads that others created, when they die and when they end with another', async () => {
  const dead: number[] = []
  const remove = onThreadDeath(({ threadId }) => dead.push(threadId))
  try {
    using map = newMap('FastMap')
    const forwarder = await Forwarder.start('threadmap/watch')
    const { threadId } = forwarder.worker
    await forwarder.hold(map.handle as Handle)
    await forwarder.kill()
    await until(() => dead.length === 1, "the forwarder's worker is reported")
    await forwarder.hold(map.handle as Handle)
    await forwarder.worker.terminate()
    assert.equal(dead.length, 3)
    assert.ok(dead.includes(threadId))
    assert.equal(new Set(dead).size, 3, 'each once')
  } finally {
    remove()
  }
})

test('onThreadDeath: what a listener throws is an uncaught exception, and the others run', async () => {
  const uncaught: unknown[] = []
  const listen = (error: unknown) => uncaught.push(error)
  process.setUncaughtExceptionCaptureCallback(listen)
  let called = 0
  const removers = [
    onThreadDeath(() => {
      throw new Error('of a listener')
    }),
    onThreadDeath(() => called++),
  ]
  try {
    const worker = new Worker('', { eval: true })
    await once(worker, 'exit')
    await until(() => uncaught.length === 1, 'the error is an uncaught exception')
    assert.equal(called, 1)
    assert.equal((uncaught[0] as Error).message, 'of a listener')
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
    for (const remove of removers) remove()
  }
  assert.throws(() => onThreadDeath('no function' as never), TypeError)
})
