/**
 * What happened before what in the schedule that runs. Only the order of accesses to words on which threads conflict matters: two
 * threads access such a word, and one of them writes. These words are found by running.
 *
 * Each access gets a hash of what happened before it: its thread's accesses, and the conflicting ones of the others. The last hashes of
 * all threads name the partial order so far, and so the state (CHESS's happens-before caching).
 */
import { READS } from './thread.js'
import { Visited } from './visited.js'

/** Words on which threads may conflict: a scenario's small map has some hundred. */
const MOST_CONFLICTS = 4096

export class Order {
  // Which threads read and wrote each word of 8 bytes, and the numbers of those that conflict.
  readonly #readers: Uint8Array
  readonly #writers: Uint8Array
  readonly #conflicts: Uint16Array
  /** The next number. Number 0 means no conflict. */
  #conflictCount = 1
  /** Set when a word conflicts for the first time: the search must start again, with points at this word. */
  foundConflict = false
  // Hashes of what happened, in two halves: each thread's last access, each word's last write and its reads since.
  readonly #lastA: Int32Array
  readonly #lastB: Int32Array
  readonly #writeA = new Int32Array(MOST_CONFLICTS)
  readonly #writeB = new Int32Array(MOST_CONFLICTS)
  readonly #readA = new Int32Array(MOST_CONFLICTS)
  readonly #readB = new Int32Array(MOST_CONFLICTS)
  #historyHash = 0
  readonly #visited = new Visited()
  readonly #count: number

  /** For threads 0 to `count - 1`, in a memory of `bytes` bytes. */
  constructor(bytes: number, count: number) {
    this.#count = count
    this.#readers = new Uint8Array(bytes / 8)
    this.#writers = new Uint8Array(bytes / 8)
    this.#conflicts = new Uint16Array(bytes / 8)
    this.#lastA = new Int32Array(count)
    this.#lastB = new Int32Array(count)
  }

  /** A schedule begins. */
  begin(): void {
    this.#historyHash = 0
    for (let i = 0; i < this.#count; i++) {
      this.#lastA[i] = Math.imul(i + 1, 0x9e3779b1)
      this.#lastB[i] = Math.imul(i + 77, 0x85ebca6b)
    }
    this.#writeA.fill(0, 0, this.#conflictCount)
    this.#writeB.fill(0, 0, this.#conflictCount)
    this.#readA.fill(0, 0, this.#conflictCount)
    this.#readB.fill(0, 0, this.#conflictCount)
  }

  /** A search begins: no state has been reached. */
  forget(): void {
    this.#visited.clear()
  }

  /** Whether threads conflict at this word, with this access by the thread of this bit. */
  isConflict(word: number, bit: number, kind: number): boolean {
    if (kind === READS) this.#readers[word] |= bit
    else this.#writers[word] |= bit
    if (this.#conflicts[word] !== 0) return true
    if ((this.#writers[word] & ~bit) === 0 && (kind === READS || (this.#readers[word] & ~bit) === 0)) return false
    if (this.#conflictCount === MOST_CONFLICTS) throw new Error('more conflicting words than there is room for')
    this.#conflicts[word] = this.#conflictCount++
    this.foundConflict = true
    return true
  }

  /** The access happens now: after its thread's last access, and after the accesses to the word that conflict with it. */
  happened(i: number, word: number, kind: number): void {
    const at = this.#conflicts[word]
    let a = Math.imul(this.#lastA[i] ^ at, 0x85ebca6b) ^ this.#writeA[at]
    let b = Math.imul(this.#lastB[i] + at, 0xc2b2ae35) ^ this.#writeB[at]
    if (kind === READS) {
      a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d)
      b = Math.imul(b ^ (b >>> 13), 0x297a2d39)
      this.#readA[at] += a
      this.#readB[at] += b
    } else {
      a = Math.imul(a ^ (a >>> 15) ^ this.#readA[at], 0x27d4eb2f)
      b = Math.imul(b ^ (b >>> 13) ^ this.#readB[at], 0x165667b1)
      this.#readA[at] = 0
      this.#readB[at] = 0
      this.#writeA[at] = a
      this.#writeB[at] = b
    }
    this.#lastA[i] = a ^ (a >>> 16)
    this.#lastB[i] = b ^ (b >>> 16)
  }

  /** Thread `i` has slept until its time-out. */
  timedOut(i: number): void {
    this.#lastA[i] = Math.imul(this.#lastA[i], 0x2c1b3c6d) + 1
  }

  // Calls and returns of operations are part of the history, and so of the state.

  called(i: number): void {
    this.#historyHash = Math.imul(this.#historyHash ^ (i * 2 + 1), 0x9e3779b1) ^ 0x5bd1e995
  }

  returned(i: number): void {
    this.#historyHash = Math.imul(this.#historyHash ^ (i * 2 + 2), 0x9e3779b1) ^ 0x5bd1e995
  }

  died(): void {
    this.#historyHash = Math.imul(this.#historyHash ^ 0x2545f491, 0x9e3779b1)
  }

  /** Whether this state was reached before with at least `left` preemptions left; if not, it is now. */
  wasReached(current: number, left: number): boolean {
    let a = Math.imul(this.#historyHash ^ (current + 1), 0x9e3779b1)
    let b = this.#historyHash + current
    for (let i = 0; i < this.#count; i++) {
      a = Math.imul(a ^ this.#lastA[i], 0x85ebca6b)
      a ^= a >>> 15
      b = Math.imul(b + this.#lastB[i], 0xc2b2ae35)
      b ^= b >>> 13
    }
    return this.#visited.seen(a, b, left)
  }
}
