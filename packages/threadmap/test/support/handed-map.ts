import type { MapHandle, MapStats, ShardStats, WatchableWorker } from 'threadmap'
import type { AnyMap } from './maps.js'
import { type Peer, Reference } from './peer.js'
import type { Random } from './random.js'

/** One thread's access to the map under test. */
export interface Hand {
  /** The value that stands for the map in results of its methods. */
  readonly self: unknown
  invoke(method: string, args: readonly unknown[]): unknown
  read(property: string): unknown
  /** All entries, by one iteration. */
  collect(): [unknown, unknown][]
}

export function localHand(map: AnyMap): Hand {
  const at = (name: string): unknown =>
    Reflect.get(map, name.startsWith('@@') ? (Reflect.get(Symbol, name.slice(2)) as symbol) : name)
  return {
    self: map,
    invoke: (method, args) => Reflect.apply(at(method) as () => unknown, map, args),
    read: at,
    collect: () => [...map],
  }
}

export function remoteHand(peer: Peer, map: number): Hand {
  return {
    self: map,
    invoke(method, args) {
      const result = peer.call(map, method, args)
      if (!(result instanceof Reference)) return result
      return result.id === map ? map : remoteIterator(peer, result)
    },
    read: property => peer.read(map, property),
    collect: () => peer.call(1, 'collect', [new Reference(map)]) as [unknown, unknown][],
  }
}

function remoteIterator(peer: Peer, { id }: Reference): Generator<unknown, undefined, unknown> {
  return {
    next: () => peer.call(id, 'next', []) as IteratorResult<unknown>,
    return() {
      if (peer.read(id, 'return') !== undefined) peer.call(id, 'return', [])
      return { value: undefined, done: true }
    },
    [Symbol.iterator]() {
      return this
    },
    // The tests use only the part of a generator that every iterator has.
  } as Partial<Generator<unknown, undefined, unknown>> as Generator<unknown, undefined, unknown>
}

/**
 * A map whose operations run in this thread or in another one, at random: each must read what the other wrote. Within a callback
 * the thread of the operation stays the same, as in a program.
 */
export class HandedMap implements AnyMap {
  readonly #hands: readonly Hand[]
  readonly #random: Random
  #pinned: Hand | null = null

  constructor(hands: readonly Hand[], random: Random) {
    this.#hands = hands
    this.#random = random
  }

  get(key: unknown): unknown {
    return this.#invoke('get', [key])
  }
  set(key: unknown, value: unknown): this {
    return this.#invoke('set', [key, value]) as this
  }
  has(key: unknown): boolean {
    return this.#invoke('has', [key]) as boolean
  }
  delete(key: unknown): boolean {
    return this.#invoke('delete', [key]) as boolean
  }
  clear(): void {
    this.#invoke('clear', [])
  }
  get size(): number {
    return this.#choose().read('size') as number
  }
  getOrInsert(key: unknown, value: unknown): unknown {
    return this.#invoke('getOrInsert', [key, value])
  }
  getOrInsertComputed(key: unknown, compute: (key: unknown) => unknown): unknown {
    return this.#invoke('getOrInsertComputed', [key, compute])
  }
  swap(key: unknown, value: unknown): unknown {
    return this.#invoke('swap', [key, value])
  }
  compareAndSwap(key: unknown, expected: unknown, value: unknown): boolean {
    return this.#invoke('compareAndSwap', [key, expected, value]) as boolean
  }
  compareAndDelete(key: unknown, expected: unknown): boolean {
    return this.#invoke('compareAndDelete', [key, expected]) as boolean
  }
  getAndDelete(key: unknown): unknown {
    return this.#invoke('getAndDelete', [key])
  }
  update(key: unknown, change: (current: unknown, key: unknown) => unknown): unknown {
    return this.#invoke('update', [key, change])
  }
  add(key: unknown, delta: unknown): unknown {
    return this.#invoke('add', [key, delta])
  }
  forEach(callback: (value: unknown, key: unknown, map: this) => void, thisArg?: unknown): void {
    this.#invoke('forEach', [callback, thisArg])
  }
  keys(): Generator<unknown, undefined, unknown> {
    return this.#invoke('keys', []) as Generator<unknown, undefined, unknown>
  }
  values(): Generator<unknown, undefined, unknown> {
    return this.#invoke('values', []) as Generator<unknown, undefined, unknown>
  }
  entries(): Generator<[unknown, unknown], undefined, unknown> {
    return this.#invoke('entries', []) as Generator<[unknown, unknown], undefined, unknown>
  }
  [Symbol.iterator](): Generator<[unknown, unknown], undefined, unknown> {
    return this.#invoke('@@iterator', []) as Generator<[unknown, unknown], undefined, unknown>
  }
  get [Symbol.toStringTag](): string {
    return this.#choose().read('@@toStringTag') as string
  }
  stats(): MapStats {
    return this.#invoke('stats', []) as MapStats
  }
  shardStats(): ShardStats[] {
    return this.#invoke('shardStats', []) as ShardStats[]
  }
  get handle(): MapHandle<unknown, unknown> {
    return this.#choose().read('handle') as MapHandle<unknown, unknown>
  }
  watch(worker: WatchableWorker): this {
    return this.#invoke('watch', [worker]) as this
  }
  /** All entries, by one iteration in one of the threads. */
  collect(): [unknown, unknown][] {
    return this.#choose().collect()
  }
  audit(): string[] {
    return this.#hands.flatMap(hand => hand.invoke('audit', []) as string[])
  }
  [Symbol.dispose](): void {
    for (const hand of this.#hands) hand.invoke('@@dispose', [])
  }

  #choose(): Hand {
    return this.#pinned ?? this.#random.pick(this.#hands)
  }

  #invoke(method: string, args: readonly unknown[]): unknown {
    const hand = this.#choose()
    const isSelf = (value: unknown): boolean =>
      value instanceof Reference ? value.id === hand.self : typeof value === 'object' && value === hand.self
    const within = (callback: () => unknown, self: unknown, given: unknown[]): unknown => {
      const before = this.#pinned
      this.#pinned = hand
      try {
        const translated = given.map(item => (isSelf(item) ? this : item))
        return Reflect.apply(callback, self, translated)
      } finally {
        this.#pinned = before
      }
    }
    const wrapped = args.map(arg => {
      if (typeof arg !== 'function') return arg
      return function (this: unknown, ...given: unknown[]): unknown {
        return within(arg as () => unknown, this, given)
      }
    })
    const result = hand.invoke(method, wrapped)
    return result === hand.self && method === 'set' ? this : result
  }
}
