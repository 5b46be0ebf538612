/**
 * Cache policies as simulators: which keys a cache keeps, and nothing else. Keys are numbers from 0, so lists and marks are arrays that
 * a key indexes. All entries have the weight 1.
 */

export interface Policy {
  /** Asks for a key, and takes it into the cache if it is not there. Returns whether it was there. */
  access(key: number): boolean
  /** How many keys are in the cache. */
  readonly size: number
}

/** Makes a policy for a cache of `capacity` entries and keys below `keys`. */
export type PolicyMaker = (capacity: number, keys: number) => Policy

const NONE = -1

/** A doubly linked list of keys; each key is in it once at most. */
export class KeyList {
  readonly #next: Int32Array
  readonly #previous: Int32Array
  #head = NONE
  #tail = NONE
  length = 0

  constructor(keys: number) {
    this.#next = new Int32Array(keys).fill(NONE)
    this.#previous = new Int32Array(keys).fill(NONE)
  }

  /** The newest key; -1 if there is none. */
  get head(): number {
    return this.#head
  }

  /** The oldest key; -1 if there is none. */
  get tail(): number {
    return this.#tail
  }

  /** The neighbour of `key` that is newer; -1 at the head. */
  newer(key: number): number {
    return this.#previous[key]
  }

  push(key: number): void {
    this.#next[key] = this.#head
    this.#previous[key] = NONE
    if (this.#head === NONE) this.#tail = key
    else this.#previous[this.#head] = key
    this.#head = key
    this.length++
  }

  remove(key: number): void {
    const [next, previous] = [this.#next[key], this.#previous[key]]
    if (previous === NONE) this.#head = next
    else this.#next[previous] = next
    if (next === NONE) this.#tail = previous
    else this.#previous[next] = previous
    this.length--
  }

  /** Removes the oldest key and returns it. */
  shift(): number {
    const key = this.#tail
    this.remove(key)
    return key
  }
}

/** The last `limit` keys that were added: a key is in the ghost while fewer than `limit` others came after it. */
export class Ghost {
  readonly #added: Float64Array
  readonly limit: number
  #count = 0

  constructor(keys: number, limit: number) {
    this.#added = new Float64Array(keys).fill(Number.NEGATIVE_INFINITY)
    this.limit = limit
  }

  has(key: number): boolean {
    return this.#added[key] > this.#count - this.limit
  }

  /** How many keys came after it. */
  ageOf(key: number): number {
    return this.#count - this.#added[key]
  }

  /** Of a key in the ghost: how many keys were added until it was. */
  numberOf(key: number): number {
    return this.#added[key]
  }

  add(key: number): void {
    this.#added[key] = ++this.#count
  }

  delete(key: number): void {
    this.#added[key] = Number.NEGATIVE_INFINITY
  }
}
