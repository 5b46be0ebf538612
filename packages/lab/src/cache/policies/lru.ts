/** Least recently used: the policy of most caches. */
import { KeyList, type Policy } from './policy.js'

export class Lru implements Policy {
  readonly #capacity: number
  readonly #list: KeyList
  readonly #isIn: Uint8Array

  constructor(capacity: number, keys: number) {
    this.#capacity = capacity
    this.#list = new KeyList(keys)
    this.#isIn = new Uint8Array(keys)
  }

  get size(): number {
    return this.#list.length
  }

  access(key: number): boolean {
    const hit = this.#isIn[key] !== 0
    if (hit) this.#list.remove(key)
    else {
      if (this.#list.length >= this.#capacity) this.#isIn[this.#list.shift()] = 0
      this.#isIn[key] = 1
    }
    this.#list.push(key)
    return hit
  }
}
