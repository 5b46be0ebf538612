/** The states that a search has been in, and with how many preemptions left. A hash table: there are millions. */
export class Visited {
  #keys = new Float64Array(1 << 12)
  #budgets = new Uint8Array(1 << 12)
  #count = 0

  clear(): void {
    this.#keys = new Float64Array(1 << 12)
    this.#budgets = new Uint8Array(1 << 12)
    this.#count = 0
  }

  get size(): number {
    return this.#count
  }

  /** Whether the state of this hash was visited with at least this budget; if not, it is now. */
  seen(high: number, low: number, budget: number): boolean {
    // 53 bits of the hash, and never 0, which is an empty place.
    const key = (high >>> 0) * 2 ** 21 + (low >>> 11) + 1
    const mask = this.#keys.length - 1
    let at = place(key, mask)
    while (this.#keys[at] !== 0) {
      if (this.#keys[at] === key) {
        if (this.#budgets[at] >= budget) return true
        this.#budgets[at] = budget
        return false
      }
      at = (at + 1) & mask
    }
    this.#keys[at] = key
    this.#budgets[at] = budget
    if (++this.#count * 2 > this.#keys.length) this.#grow()
    return false
  }

  #grow(): void {
    const keys = this.#keys
    const budgets = this.#budgets
    this.#keys = new Float64Array(keys.length * 4)
    this.#budgets = new Uint8Array(keys.length * 4)
    const mask = this.#keys.length - 1
    for (let i = 0; i < keys.length; i++) {
      if (keys[i] === 0) continue

      let at = place(keys[i], mask)
      while (this.#keys[at] !== 0) at = (at + 1) & mask
      this.#keys[at] = keys[i]
      this.#budgets[at] = budgets[i]
    }
  }
}

function place(key: number, mask: number): number {
  return (Math.imul(key % 2 ** 32, 0x9e3779b1) >>> 7) & mask
}
