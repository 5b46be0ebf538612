/**
 * The maps that the governor watches, by the names of their memories: all threads find them here, and those that have the map open sample their
 * reads. A map's entry is taken by one compare-exchange; its name is read only while the entry says that it is whole.
 */
import { MAP_WORDS, MAPS, type SharedMemory } from './layout.js'

export interface WatchedMap {
  readonly index: number
  /** The name of the map's memory, by which threads find the map. */
  readonly memory: string
  /** The name that people see. */
  readonly name: string
}

const FREE = 0
const WHOLE = 1
/** Bytes of the two names together. */
const NAME_BYTES = (MAP_WORDS - 4) * 4

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class WatchedMaps {
  readonly #memory: SharedMemory

  constructor(memory: SharedMemory) {
    this.#memory = memory
  }

  /** Watches a map from now on. Returns its index, or -1 if all places are taken. `thread`: the number plus one of this thread. */
  add(memory: string, name: string, thread: number): number {
    const known = this.all().find(map => map.memory === memory)
    if (known !== undefined) return known.index
    const { words, buffer } = this.#memory
    for (let index = 0; index < MAPS; index++) {
      const at = this.#placeOf(index)
      // While the entry is written it has the thread's number, so that the place can be found if the thread dies.
      if (Atomics.compareExchange(words, at, FREE, -thread) !== FREE) continue
      const text = encoder.encode(`${memory} ${name}`).subarray(0, NAME_BYTES)
      words[at + 1] = text.length
      new Uint8Array(buffer, (at + 4) * 4, text.length).set(text)
      Atomics.store(words, at, WHOLE)
      return index
    }
    return -1
  }

  /** Returns whether the map was watched. */
  remove(memory: string): boolean {
    const known = this.all().find(map => map.memory === memory)
    if (known === undefined) return false
    return Atomics.compareExchange(this.#memory.words, this.#placeOf(known.index), WHOLE, FREE) === WHOLE
  }

  all(): WatchedMap[] {
    const { words, buffer } = this.#memory
    const maps: WatchedMap[] = []
    for (let index = 0; index < MAPS; index++) {
      const at = this.#placeOf(index)
      if (Atomics.load(words, at) !== WHOLE) continue
      const text = decoder.decode(new Uint8Array(buffer, (at + 4) * 4, Math.min(NAME_BYTES, words[at + 1])).slice())
      const space = text.indexOf(' ')
      maps.push({ index, memory: text.slice(0, space), name: text.slice(space + 1) })
    }
    return maps
  }

  /** Makes a place free that a dead thread (its number plus one) was just taking. */
  bury(dead: number): void {
    for (let index = 0; index < MAPS; index++) {
      Atomics.compareExchange(this.#memory.words, this.#placeOf(index), -dead, FREE)
    }
  }

  #placeOf(index: number): number {
    return this.#memory.layout.maps + index * MAP_WORDS
  }
}
