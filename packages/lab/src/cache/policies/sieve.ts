/** SIEVE (Zhang et al., NSDI 2024): one queue; a hand walks from the oldest key, spares what was used since it last came, and stays there. */
import { KeyList, type Policy } from './policy.js'

export class Sieve implements Policy {
  readonly #capacity: number
  readonly #list: KeyList
  readonly #isIn: Uint8Array
  readonly #used: Uint8Array
  #hand = -1

  constructor(capacity: number, keys: number) {
    this.#capacity = capacity
    this.#list = new KeyList(keys)
    this.#isIn = new Uint8Array(keys)
    this.#used = new Uint8Array(keys)
  }

  get size(): number {
    return this.#list.length
  }

  access(key: number): boolean {
    if (this.#isIn[key] !== 0) {
      this.#used[key] = 1
      return true
    }
    if (this.#list.length >= this.#capacity) this.#evict()
    this.#isIn[key] = 1
    this.#used[key] = 0
    this.#list.push(key)
    return false
  }

  #evict(): void {
    let key = this.#hand < 0 ? this.#list.tail : this.#hand
    while (this.#used[key] !== 0) {
      this.#used[key] = 0
      key = this.#list.newer(key)
      if (key < 0) key = this.#list.tail
    }
    this.#hand = this.#list.newer(key)
    this.#list.remove(key)
    this.#isIn[key] = 0
  }
}
