/** Belady's optimum: evicts the key whose next use is farthest away. It has to know the future, so it takes the whole trace. */

/** The number of hits that a cache of `capacity` entries can have at most. */
export function optimum(trace: Uint32Array, capacity: number): number {
  const next = nextUses(trace)
  /** When each key in the cache is used next; -1 for a key that is not in the cache. */
  const due = new Int32Array(keysOf(trace)).fill(-1)
  const heap = new FarthestFirst()
  let size = 0
  let hits = 0
  for (let at = 0; at < trace.length; at++) {
    const key = trace[at]
    if (due[key] >= 0) hits++
    else {
      if (size === capacity) {
        // Older records of a key that was used since are passed over.
        let [when, victim] = heap.pop()
        while (due[victim] !== when) [when, victim] = heap.pop()
        due[victim] = -1
      } else size++
    }
    due[key] = next[at]
    heap.push(next[at], key)
  }
  return hits
}

/** One more than the largest key. */
export function keysOf(trace: Uint32Array): number {
  let most = -1
  for (const key of trace) if (key > most) most = key
  return most + 1
}

function nextUses(trace: Uint32Array): Int32Array {
  const last = new Int32Array(keysOf(trace)).fill(trace.length)
  const next = new Int32Array(trace.length)
  for (let at = trace.length - 1; at >= 0; at--) {
    next[at] = last[trace[at]]
    last[trace[at]] = at
  }
  return next
}

/** A binary heap of keys with times; the latest time comes first. */
class FarthestFirst {
  readonly #times: number[] = []
  readonly #keys: number[] = []

  push(time: number, key: number): void {
    let at = this.#times.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#times[parent] >= time) break
      this.#times[at] = this.#times[parent]
      this.#keys[at] = this.#keys[parent]
      at = parent
    }
    this.#times[at] = time
    this.#keys[at] = key
  }

  pop(): [time: number, key: number] {
    const first: [number, number] = [this.#times[0], this.#keys[0]]
    const time = this.#times.pop() as number
    const key = this.#keys.pop() as number
    const length = this.#times.length
    if (length > 0) {
      let at = 0
      for (let child = 1; child < length; child = 2 * at + 1) {
        if (child + 1 < length && this.#times[child + 1] > this.#times[child]) child++
        if (this.#times[child] <= time) break
        this.#times[at] = this.#times[child]
        this.#keys[at] = this.#keys[child]
        at = child
      }
      this.#times[at] = time
      this.#keys[at] = key
    }
    return first
  }
}
