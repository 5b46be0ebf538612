/**
 * The table of a process's threads: a small shared memory that every thread which loads this library has. The table says which thread
 * created which, and which have ended. When one thread hears of a worker's end, all threads can know it at once: also threads whose
 * event loop does not turn, and for memories that the hearing thread never opened.
 *
 * A record's name is its index and a generation. The name is valid for one thread, and the record can be used again as soon as its
 * thread has ended. Workers end with the thread that created them, so a thread has ended when its record or that of any ancestor is no
 * longer in use. Before a thread creates a worker, it reserves a record and leaves the record's name in the environment data, which
 * the worker inherits. A worker that does not load the library passes the name on to workers of its own. These share the record:
 * the table says that they end with that worker, but cannot say that they ended before.
 *
 * This file imports nothing of Node's: lineage.ts brings the table from thread to thread.
 */

const VERSION = 1
const WORDS_HEADER = 16
const H_VERSION = 0
/** Tells one table from another: a thread that began before its ancestors loaded the library makes a table of its own. */
const H_IDENTITY = 1
/** How many deaths were ever noted. */
const H_DEATHS = 2
/** One more than the highest index that was ever in use, and the index at which the search for a free record begins. */
const H_TOP = 3
const H_NEXT = 4

/** How many of the last deaths the table keeps: {number of the death, thread}. A thread that looks more rarely misses some of them. */
const NOTES = 1024
const NOTE_WORDS = 2

/** How many records there are: one per living thread of a process, and one that each has reserved for its next worker. */
const RECORDS = 4096
const RECORD_WORDS = 4
/** {generation, state}; the name of the parent's record; the thread's number plus one (0: not known yet). */
const R_STATE = 0
const R_PARENT = 1
const R_THREAD = 2

const INDEX_BITS = 12
const INDEX = RECORDS - 1
const GENERATION = 0xfffff
const STATE_BITS = 2
const STATE = 3
const FREE = 0
const ALIVE = 1
/** A thread has taken the record and not written it yet. */
const TAKEN = 2
/** The thread no longer runs code, but workers of its own may still do. */
const STOPPED = 3

const NOTES_AT = WORDS_HEADER
const RECORDS_AT = NOTES_AT + NOTES * NOTE_WORDS
const BYTES = (RECORDS_AT + RECORDS * RECORD_WORDS) * 4

/** The name of a thread's record; 0 if the thread has none. */
export type RecordName = number
/** The record of the thread that made the table. */
export const FIRST_RECORD: RecordName = (1 << INDEX_BITS) | 1

export class ThreadTable {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
  }

  /** A new table. */
  static create(): ThreadTable {
    const table = new ThreadTable(new SharedArrayBuffer(BYTES))
    table.#words[H_VERSION] = VERSION
    // Never 0: that means no table.
    table.#words[H_IDENTITY] = 1 + Math.floor(Math.random() * 0x7ffffffe)
    // Index 0 is never used, so that no name is 0.
    table.#words[H_TOP] = 1
    return table
  }

  /** The table that another thread made. Undefined if `buffer` is no table, or one of another version of this library. */
  static from(buffer: unknown): ThreadTable | undefined {
    // `instanceof` would not do: in a `vm` context, as in test runners, the buffer comes from another realm.
    if (Object.prototype.toString.call(buffer) !== '[object SharedArrayBuffer]') return undefined
    if ((buffer as SharedArrayBuffer).byteLength !== BYTES) return undefined
    const table = new ThreadTable(buffer as SharedArrayBuffer)
    return table.#words[H_VERSION] === VERSION ? table : undefined
  }

  get identity(): number {
    return this.#words[H_IDENTITY]
  }

  /** How many deaths were ever noted. */
  get deaths(): number {
    return Atomics.load(this.#words, H_DEATHS)
  }

  /** A record for a thread whose parent has the record `parent`; 0 if all are taken. `thread` is its number plus one, 0 if not known yet. */
  add(parent: RecordName, thread: number): RecordName {
    const words = this.#words
    const start = Atomics.load(words, H_NEXT)
    for (let i = 0; i < RECORDS - 1; i++) {
      const index = 1 + ((start + i) % (RECORDS - 1))
      const at = recordAt(index)
      let seen = Atomics.load(words, at + R_STATE)
      if (isTaken(seen) && this.#isGone(nameOf(index, seen))) {
        // A thread that ended before it created another worker had reserved this record.
        this.#free(index, seen)
        seen = Atomics.load(words, at + R_STATE)
      }
      if ((seen & STATE) !== FREE) continue
      const next = ((seen >>> STATE_BITS) + 1) & GENERATION
      const taken = (next << STATE_BITS) | TAKEN
      if (Atomics.compareExchange(words, at + R_STATE, seen, taken) !== seen) continue
      Atomics.store(words, at + R_PARENT, parent)
      Atomics.store(words, at + R_THREAD, thread)
      let top = Atomics.load(words, H_TOP)
      while (top <= index) top = Atomics.compareExchange(words, H_TOP, top, index + 1)
      Atomics.store(words, at + R_STATE, (next << STATE_BITS) | ALIVE)
      Atomics.store(words, H_NEXT, start + i + 1)
      return (next << INDEX_BITS) | index
    }
    return 0
  }

  /** Notes which thread (its number plus one) a reserved record belongs to. */
  setThread(name: RecordName, thread: number): void {
    if (this.#isCurrent(name)) Atomics.store(this.#words, recordAt(name & INDEX) + R_THREAD, thread)
  }

  /** The living record of a thread, by the thread's number plus one; 0 if it has none. O(records in use). */
  find(thread: number): RecordName {
    const words = this.#words
    const top = Atomics.load(words, H_TOP)
    for (let index = 1; index < top; index++) {
      const seen = Atomics.load(words, recordAt(index) + R_STATE)
      if (isTaken(seen) && Atomics.load(words, recordAt(index) + R_THREAD) === thread) return nameOf(index, seen)
    }
    return 0
  }

  /** Whether the thread with this number plus one and this record no longer runs code. */
  hasEnded(name: RecordName, thread: number): boolean {
    if (name === 0) return false
    const state = this.#stateOf(name)
    if (state === STOPPED && Atomics.load(this.#words, recordAt(name & INDEX) + R_THREAD) === thread) return true
    return this.#isGone(name)
  }

  /** Notes that the thread of this record no longer runs code. Its workers may still do. */
  stop(name: RecordName): void {
    const at = recordAt(name & INDEX) + R_STATE
    const alive = ((name >>> INDEX_BITS) << STATE_BITS) | ALIVE
    Atomics.compareExchange(this.#words, at, alive, (alive & ~STATE) | STOPPED)
  }

  /** Notes that a thread has ended, and with it all threads that it created. */
  end(name: RecordName): void {
    if (!this.#isCurrent(name)) return
    const words = this.#words
    this.#free(name & INDEX, Atomics.load(words, recordAt(name & INDEX) + R_STATE))
    const top = Atomics.load(words, H_TOP)
    for (let index = 1; index < top; index++) {
      const seen = Atomics.load(words, recordAt(index) + R_STATE)
      if (isTaken(seen) && this.#isGone(nameOf(index, seen))) this.#free(index, seen)
    }
  }

  /** The numbers of threads that ended after the first `known` deaths, and how many deaths there were in all. */
  since(known: number): { threads: number[]; deaths: number } {
    const words = this.#words
    const deaths = this.deaths
    const threads: number[] = []
    for (let death = Math.max(known, deaths - NOTES); death < deaths; death++) {
      const at = NOTES_AT + (death % NOTES) * NOTE_WORDS
      const number = Atomics.load(words, at)
      // The thread that counted this death has not written its note yet: the next call reads it.
      if (number <= death) return { threads, deaths: death }
      if (number === death + 1) threads.push(Atomics.load(words, at + 1) - 1)
    }
    return { threads, deaths }
  }

  /** Makes the record free. The thread that does so notes the death, if a thread had the record. */
  #free(index: number, seen: number): void {
    const words = this.#words
    const at = recordAt(index)
    const thread = Atomics.load(words, at + R_THREAD)
    if (Atomics.compareExchange(words, at + R_STATE, seen, (seen & ~STATE) | FREE) !== seen || thread === 0) return
    const death = Atomics.add(words, H_DEATHS, 1)
    const note = NOTES_AT + (death % NOTES) * NOTE_WORDS
    Atomics.store(words, note + 1, thread)
    Atomics.store(words, note, death + 1)
  }

  #stateOf(name: RecordName): number {
    const seen = Atomics.load(this.#words, recordAt(name & INDEX) + R_STATE)
    return seen >>> STATE_BITS === name >>> INDEX_BITS ? seen & STATE : FREE
  }

  #isCurrent(name: RecordName): boolean {
    return name !== 0 && this.#stateOf(name) !== FREE
  }

  /** Whether the record, or that of an ancestor, no longer belongs to its thread. */
  #isGone(name: RecordName): boolean {
    let current = name
    while (current !== 0) {
      if (!this.#isCurrent(current)) return true
      const parent = Atomics.load(this.#words, recordAt(current & INDEX) + R_PARENT)
      // If another thread took the record meanwhile, the parent that was read belongs to that thread.
      if (!this.#isCurrent(current)) return true
      current = parent
    }
    return false
  }
}

function recordAt(index: number): number {
  return RECORDS_AT + index * RECORD_WORDS
}

function isTaken(seen: number): boolean {
  return (seen & STATE) === ALIVE || (seen & STATE) === STOPPED
}

function nameOf(index: number, seen: number): RecordName {
  return ((seen >>> STATE_BITS) << INDEX_BITS) | index
}
