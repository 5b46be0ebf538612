import { type ConcurrentMap, FastMap, RWMutexMap, ShardedMap, SyncMap } from 'threadmap'
import type { Field } from './state.js'

type Watched = ConcurrentMap<unknown, unknown>

/**
 * The maps that this thread made and shares, so that it can tell how long all threads wait for their locks. A map is shared by reading its
 * `handle`, which happens once for each other thread: that is where the watch hears of it, so that no operation costs more.
 */
export class MapWatch {
  readonly #maps = new Map<number, WeakRef<Watched>>()
  readonly #known = new WeakSet<Watched>()
  readonly #attached = new WeakSet<Watched>()

  constructor() {
    for (const Class of [FastMap, ShardedMap, RWMutexMap, SyncMap]) {
      const attach = Class.attach as (...given: unknown[]) => Watched
      const attached = this.#attached
      Object.defineProperty(Class, 'attach', {
        configurable: true,
        writable: true,
        value(this: unknown, ...given: unknown[]) {
          const map = Reflect.apply(attach, this, given) as Watched
          attached.add(map)
          return map
        },
      })
    }
    // All of them inherit `handle` from one prototype.
    let owner: object | null = FastMap.prototype
    while (owner !== null && !Object.hasOwn(owner, 'handle')) owner = Object.getPrototypeOf(owner) as object | null
    const property = owner === null ? undefined : Object.getOwnPropertyDescriptor(owner, 'handle')
    if (owner === null || property?.get === undefined) return
    const { get } = property
    const add = (map: Watched) => this.#add(map)
    Object.defineProperty(owner, 'handle', {
      ...property,
      get(this: Watched) {
        add(this)
        return Reflect.apply(get, this, []) as unknown
      },
    })
  }

  #add(map: Watched): void {
    // The thread that made a map tells of it; the others' waiting is in the map's memory.
    if (this.#attached.has(map) || this.#known.has(map)) return
    this.#known.add(map)
    this.#maps.set(this.#maps.size, new WeakRef(map))
  }

  /** All maps together; the hot shard is that of the map whose locks are waited for most. */
  figures(): (readonly [Field, number])[] {
    let [waits, ms, hot, hotMs, shards, most] = [0, 0, 0, 0, 0, -1]
    for (const [at, reference] of this.#maps) {
      try {
        const all = reference.deref()?.shardStats() ?? []
        const here = all.reduce((sum, each) => sum + each.lockWaitMs, 0)
        waits += all.reduce((sum, each) => sum + each.lockWaits, 0)
        ms += here
        if (here <= most) continue
        most = here
        shards = all.length
        for (const [shard, { lockWaitMs }] of all.entries()) {
          if (shard === 0 || lockWaitMs > hotMs) [hot, hotMs] = [shard, lockWaitMs]
        }
      } catch {
        // The map was disposed of.
        this.#maps.delete(at)
      }
    }
    return [
      ['lockWaits', waits],
      ['lockWaitMs', ms],
      ['hotShard', hot],
      ['hotShardMs', hotMs],
      ['shards', shards],
    ]
  }
}
