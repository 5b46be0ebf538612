/**
 * The frequent keys that each thread has found, for all threads to read. A thread writes only at its own place; the sequence number is odd
 * while it writes, so a reader knows when to try again. A thread that dies while it writes leaves the number odd: its keys are left out.
 */
import { KEY_BYTES, MAPS, PUBLISHED, PUBLISHED_HEADER, PUBLISHED_WORDS, type SharedMemory } from '../shared/layout.js'
import type { Frequent } from './heavy-keeper.js'

/** A frequent key, of all threads together. */
export interface CommonKey {
  readonly key: string
  readonly hash: number
  readonly shard: number
  /** Operations, with decay. */
  count: number
}

export interface CommonKeys {
  /** The most frequent first. */
  readonly keys: readonly CommonKey[]
  /** All operations, with the same decay. */
  readonly operations: number
}

/** How often a reader tries to read what a thread is just writing. */
const TRIES = 3
/** The end of the text of a key that was too long. */
const CUT = '…'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Published {
  readonly #memory: SharedMemory
  readonly #area: number

  /** `area`: 0 for the keys of operations, from 1 on for those of watched maps. */
  constructor(memory: SharedMemory, area = 0) {
    this.#memory = memory
    this.#area = area
  }

  of(area: number): Published {
    return new Published(this.#memory, area)
  }

  /** Publishes the keys of this thread. `weight`: how many operations each sample stands for. */
  write(slot: number, keys: readonly Frequent[], samples: number, weight: number): void {
    const { words, shortFloats, buffer } = this.#memory
    const at = this.#placeOf(slot)
    const bytes = new Uint8Array(buffer)
    const sequence = Atomics.load(words, at) | 1
    Atomics.store(words, at, sequence)
    let written = 0
    for (const { key, hash, shard, count } of keys.slice(0, PUBLISHED)) {
      const entry = at + PUBLISHED_HEADER + written * PUBLISHED_WORDS
      const text = textOf(key)
      words[entry] = hash
      words[entry + 1] = shard
      shortFloats[entry + 2] = count
      words[entry + 3] = text.length
      bytes.set(text, (entry + 4) * 4)
      written++
    }
    words[at + 1] = written
    shortFloats[at + 2] = samples
    shortFloats[at + 3] = weight
    Atomics.store(words, at, sequence + 1)
  }

  /** The keys of all threads that have a place, added up. */
  read(slots: readonly number[]): CommonKeys {
    const sum = new Map<string, CommonKey>()
    let operations = 0
    for (const slot of slots) {
      const part = this.#read(slot)
      if (part === undefined) continue
      operations += part.operations
      for (const key of part.keys) {
        // Two long keys can have the same beginning.
        const name = `${key.hash}:${key.key}`
        const found = sum.get(name)
        if (found === undefined) sum.set(name, { ...key })
        else found.count += key.count
      }
    }
    return { keys: [...sum.values()].sort((a, b) => b.count - a.count), operations }
  }

  /** Removes the keys of a place whose thread is gone. */
  clear(slot: number): void {
    const { words } = this.#memory
    const at = this.#placeOf(slot)
    words[at + 1] = 0
    words[at + 2] = 0
    Atomics.store(words, at, 0)
  }

  #read(slot: number): CommonKeys | undefined {
    const { words, shortFloats, buffer } = this.#memory
    const at = this.#placeOf(slot)
    for (let tries = 0; tries < TRIES; tries++) {
      const sequence = Atomics.load(words, at)
      if ((sequence & 1) !== 0) continue
      const weight = shortFloats[at + 3]
      const keys: CommonKey[] = []
      const count = Math.min(PUBLISHED, words[at + 1])
      for (let i = 0; i < count; i++) {
        const entry = at + PUBLISHED_HEADER + i * PUBLISHED_WORDS
        const length = Math.min(KEY_BYTES, words[entry + 3])
        // TextDecoder takes no shared memory in browsers, and slice() makes a private copy.
        const key = decoder.decode(new Uint8Array(buffer, (entry + 4) * 4, length).slice())
        keys.push({ key, hash: words[entry] >>> 0, shard: words[entry + 1], count: shortFloats[entry + 2] * weight })
      }
      const operations = shortFloats[at + 2] * weight
      if (Atomics.load(words, at) === sequence) return { keys, operations }
    }
    return undefined
  }

  #placeOf(slot: number): number {
    return (
      this.#memory.layout.keys + (slot * (1 + MAPS) + this.#area) * (PUBLISHED_HEADER + PUBLISHED * PUBLISHED_WORDS)
    )
  }
}

/** The text of a key, cut where it is too long. */
function textOf(key: string): Uint8Array {
  const text = encoder.encode(key.length > KEY_BYTES ? key.slice(0, KEY_BYTES) : key)
  if (text.length <= KEY_BYTES && key.length <= KEY_BYTES) return text
  const end = encoder.encode(CUT)
  let length = KEY_BYTES - end.length
  // Not in the middle of a character: continuation bytes begin with the bits 10.
  while ((text[length] & 0xc0) === 0x80) length--
  const cut = new Uint8Array(length + end.length)
  cut.set(text.subarray(0, length))
  cut.set(end, length)
  return cut
}
