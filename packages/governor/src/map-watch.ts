/** This thread's part in watching maps: it samples the reads of each watched map that it has open, and reads their counters. */
import { mapName, OptionError, shardStatsNamed, ThreadLimitError, watchReads } from 'threadmap'
import { sharedNow } from './clock.js'
import { Sampler } from './keys/sampler.js'
import { MAPS } from './shared/layout.js'
import type { Room } from './shared/room.js'
import type { WatchedMap } from './shared/watched-maps.js'
import type { MapSnapshot } from './snapshot.js'

/** A map as `watch` takes it: any of the five maps of threadmap. */
export interface Watchable {
  readonly kind: string
}

/** A read costs some 50 ns, and a sample 200: 4,000 samples per second are 0.1% of a thread's time. */
const SAMPLES_PER_SECOND = 4000
const TOP_KEYS = 20

export class MapWatch {
  readonly #room: Room
  readonly #samplers = new Map<string, ReadSampler>()

  constructor(room: Room) {
    this.#room = room
  }

  add(map: Watchable, name: string | undefined): void {
    const memory = mapName(map)
    const shown = name ?? `${map.kind} ${memory.split(':')[0]}`
    if (typeof shown !== 'string') throw new OptionError(`watch() takes a name after the map, and got ${String(name)}`)
    if (this.#room.maps.add(memory, shown, this.#room.thread) < 0) {
      throw new ThreadLimitError(`a governor watches up to ${MAPS} maps; unwatch() one of them`)
    }
    this.turn(sharedNow())
  }

  remove(map: Watchable): boolean {
    const removed = this.#room.maps.remove(mapName(map))
    this.turn(sharedNow())
    return removed
  }

  /** Begins to sample maps that are watched since the last turn, ends what is no longer watched, and publishes the keys of the others. */
  turn(now: number): void {
    const { maps, settings, slot, published } = this.#room
    const watched = maps.all()
    for (const [memory, sampler] of this.#samplers) {
      if (watched.some(map => map.memory === memory && map.index === sampler.index)) continue
      watchReads(memory, undefined)
      this.#samplers.delete(memory)
      published.of(sampler.index + 1).clear(slot)
    }
    for (const { memory, index } of watched) {
      const sampler = this.#samplers.get(memory) ?? new ReadSampler(index, settings.keys.halfLife, now)
      // The map can have been closed and opened again meanwhile: the watcher is set at each turn.
      if (!watchReads(memory, sampler)) continue
      this.#samplers.set(memory, sampler)
      sampler.sampler.turn(now, published.of(index + 1), slot)
    }
  }

  snapshot(): MapSnapshot[] {
    return this.#room.maps.all().map(map => this.#snapshotOf(map))
  }

  /** This thread no longer samples. */
  end(): void {
    for (const memory of this.#samplers.keys()) watchReads(memory, undefined)
    this.#samplers.clear()
  }

  #snapshotOf({ index, memory, name }: WatchedMap): MapSnapshot {
    const { published, threads, settings } = this.#room
    const { keys, operations } = published.of(index + 1).read(threads.taken())
    const shards = shardStatsNamed(memory) ?? []
    return {
      name,
      entries: shards.reduce((sum, { entries }) => sum + entries, 0),
      // With a half-life h, a rate r adds up to r * h / ln 2.
      reads: (operations * Math.LN2 * 1000) / settings.keys.halfLife,
      shards,
      topKeys: keys.slice(0, TOP_KEYS).map(({ key, count }) => {
        const share = operations === 0 ? 0 : Math.min(1, count / operations)
        return { key, shard: -1, count: Math.round(count), share, shareOfShard: 0 }
      }),
    }
  }
}

/** What a map calls with each key that is read. */
class ReadSampler {
  readonly index: number
  readonly sampler: Sampler

  constructor(index: number, halfLife: number, now: number) {
    this.index = index
    this.sampler = new Sampler(halfLife, 1, now, SAMPLES_PER_SECOND)
  }

  see(key: unknown): number {
    return this.sampler.take(textOf(key), -1)
  }
}

/** The text of a key of a map. Bytes as hexadecimal digits, the first 16 of them. */
function textOf(key: unknown): string {
  if (typeof key === 'string') return key
  if (!(key instanceof Uint8Array)) return String(key)
  return Array.from(key.subarray(0, 16), byte => byte.toString(16).padStart(2, '0')).join('')
}
