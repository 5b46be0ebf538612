/** The threads' records of what they do, in shared memory of the test's own, which outlives a terminated thread. */

import { PENDING } from './history.js'
import { type MapOperation, OPERATIONS, type OperationName } from './map-model.js'

/**
 * The clock of a history: one shared counter. All its ticks, and the kernel's accesses to shared memory, are sequentially
 * consistent atomics, so one total order holds them all: what an operation did to the map lies between its two
 * ticks in that order, and if one operation's last tick is smaller than another's first, it was over before the other began. Such a
 * clock never accuses a correct map. (`process.hrtime` could: cores may read it before their earlier stores are seen by others,
 * and its ticks tie.) Its price: a tick is a full barrier, so reordering across two operations is not seen;
 * the stress and litmus tests run without it.
 */
export class Clock {
  readonly #word: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer)
  }

  static buffer(): SharedArrayBuffer {
    return new SharedArrayBuffer(4)
  }

  tick(): number {
    return Atomics.add(this.#word, 0, 1) + 1
  }
}

/** Words of a record: the operation's number, key, value, expected value, what it returned, whether it computed, call, return. */
const OP = 0
const KEY = 1
const VALUE = 2
const EXPECTED = 3
const OUT = 4
const COMPUTED = 5
const CALL = 6
const RETURN = 7
const RECORD = 8

/** A client does at most this many times its share of operations. */
export const AT_MOST = 4

export interface Begun {
  readonly client: number
  readonly op: OperationName
  readonly key: number
  readonly value: number
  readonly expected: number
  readonly call: number
}

/** One part per client; each begins with the number of records in it. */
export class Book {
  readonly #words: Int32Array
  #next = 0

  constructor(buffer: SharedArrayBuffer, client: number) {
    const clients = new Int32Array(buffer, 0, 1)[0]!
    const part = (buffer.byteLength / 4 - 1) / clients
    this.#words = new Int32Array(buffer, (1 + part * client) * 4, part)
  }

  /** The books of all clients. */
  static all(buffer: SharedArrayBuffer): Book[] {
    const clients = new Int32Array(buffer, 0, 1)[0]!
    return Array.from({ length: clients }, (_, client) => new Book(buffer, client))
  }

  /** Room for this many records of each of `clients`. */
  static buffer(clients: number, records: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer((1 + clients * (1 + records * RECORD)) * 4)
    new Int32Array(buffer)[0] = clients
    return buffer
  }

  /** An operation is about to begin. If its client dies in it, nothing else is known of it. */
  begin({ op, key, value, expected, call }: Begun): number {
    const at = 1 + this.#next * RECORD
    if (at + RECORD > this.#words.length) throw new Error('the book is full')
    this.#words[at + OP] = OPERATIONS.indexOf(op)
    this.#words[at + KEY] = key
    this.#words[at + VALUE] = value
    this.#words[at + EXPECTED] = expected
    this.#words[at + CALL] = call
    this.#next++
    Atomics.store(this.#words, 0, this.#next)
    return at
  }

  end(record: number, out: number, computed: boolean, time: number): void {
    this.#words[record + OUT] = out
    this.#words[record + COMPUTED] = Number(computed)
    Atomics.store(this.#words, record + RETURN, time)
  }

  /** How many operations this client has completed. */
  get completed(): number {
    const begun = Atomics.load(this.#words, 0)
    if (begun === 0) return 0
    const last = Atomics.load(this.#words, 1 + (begun - 1) * RECORD + RETURN)
    return last === 0 ? begun - 1 : begun
  }

  /** All records of all clients. */
  static read(buffer: SharedArrayBuffer, keyName: (index: number) => string): MapOperation[] {
    const history: MapOperation[] = []
    for (const [client, book] of Book.all(buffer).entries()) {
      const words = book.#words
      for (let record = 0; record < Atomics.load(words, 0); record++) {
        const at = 1 + record * RECORD
        const time = Atomics.load(words, at + RETURN)
        history.push({
          client,
          op: OPERATIONS[words[at + OP]!]!,
          key: keyName(words[at + KEY]!),
          input: { value: words[at + VALUE]!, expected: words[at + EXPECTED]! },
          output: time === 0 ? undefined : { value: words[at + OUT]!, computed: words[at + COMPUTED] === 1 },
          call: words[at + CALL]!,
          return: time === 0 ? PENDING : time,
        })
      }
    }
    return history
  }
}
