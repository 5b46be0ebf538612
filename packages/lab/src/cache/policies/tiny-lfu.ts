/**
 * W-TinyLFU (Einziger, Friedman, Manes 2017), as Caffeine has it but for its hill climber: a window of a hundredth, a main part of two
 * LRU lists (probation and, four fifths of it, protected), and a sketch of frequencies that decides whether the window's victim may
 * replace the victim of the main part.
 */
import { KeyList, type Policy } from './policy.js'

/** Counters stop here, and all are halved after ten times the capacity. */
const MOST_COUNT = 15
const SAMPLE = 10
const ROWS = 4

/** A count-min sketch whose counts are halved from time to time. */
class Sketch {
  readonly #counts: Uint8Array
  readonly #mask: number
  readonly #sample: number
  #additions = 0

  constructor(capacity: number) {
    const width = 2 ** Math.ceil(Math.log2(Math.max(16, capacity)))
    this.#counts = new Uint8Array(ROWS * width)
    this.#mask = width - 1
    this.#sample = SAMPLE * capacity
  }

  add(key: number): void {
    for (let row = 0; row < ROWS; row++) {
      const at = this.#at(key, row)
      if (this.#counts[at] < MOST_COUNT) this.#counts[at]++
    }
    if (++this.#additions < this.#sample) return
    this.#additions = this.#sample / 2
    for (let at = 0; at < this.#counts.length; at++) this.#counts[at] >>= 1
  }

  count(key: number): number {
    let least = MOST_COUNT
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#counts[this.#at(key, row)])
    return least
  }

  #at(key: number, row: number): number {
    let mixed = Math.imul(key + 1, 0x9e3779b1) ^ Math.imul(row + 1, 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return row * (this.#mask + 1) + ((mixed ^ (mixed >>> 15)) & this.#mask)
  }
}

const [WINDOW, PROBATION, PROTECTED] = [1, 2, 3]

export class TinyLfu implements Policy {
  readonly #windowSize: number
  readonly #mainSize: number
  readonly #protectedSize: number
  readonly #window: KeyList
  readonly #probation: KeyList
  readonly #protected: KeyList
  readonly #part: Uint8Array
  readonly #sketch: Sketch

  constructor(capacity: number, keys: number) {
    this.#windowSize = Math.max(1, Math.round(capacity / 100))
    this.#mainSize = capacity - this.#windowSize
    this.#protectedSize = Math.floor(this.#mainSize * 0.8)
    this.#window = new KeyList(keys)
    this.#probation = new KeyList(keys)
    this.#protected = new KeyList(keys)
    this.#part = new Uint8Array(keys)
    this.#sketch = new Sketch(capacity)
  }

  get size(): number {
    return this.#window.length + this.#probation.length + this.#protected.length
  }

  access(key: number): boolean {
    this.#sketch.add(key)
    switch (this.#part[key]) {
      case WINDOW:
        this.#window.remove(key)
        this.#window.push(key)
        return true
      case PROTECTED:
        this.#protected.remove(key)
        this.#protected.push(key)
        return true
      case PROBATION:
        this.#probation.remove(key)
        this.#move(this.#protected, PROTECTED, key)
        if (this.#protected.length > this.#protectedSize) {
          this.#move(this.#probation, PROBATION, this.#protected.shift())
        }
        return true
    }
    this.#move(this.#window, WINDOW, key)
    if (this.#window.length > this.#windowSize) this.#admit(this.#window.shift())
    return false
  }

  /** Puts the window's victim into the main part, if that has room or a victim that was asked for less often. */
  #admit(candidate: number): void {
    if (this.#probation.length + this.#protected.length < this.#mainSize) {
      this.#move(this.#probation, PROBATION, candidate)
      return
    }
    const main = this.#probation.length > 0 ? this.#probation : this.#protected
    const victim = main.tail
    if (victim < 0 || this.#sketch.count(candidate) <= this.#sketch.count(victim)) {
      this.#part[candidate] = 0
      return
    }
    main.remove(victim)
    this.#part[victim] = 0
    this.#move(this.#probation, PROBATION, candidate)
  }

  #move(list: KeyList, part: number, key: number): void {
    list.push(key)
    this.#part[key] = part
  }
}
