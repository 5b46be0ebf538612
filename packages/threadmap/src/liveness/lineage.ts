/**
 * This thread's place among the threads of its process. The table of threads and the name of a worker's record are in the environment
 * data of node:worker_threads. Every worker inherits that data from the thread that creates it, also if that thread does not load this
 * library.
 *
 * Node publishes each worker inside its constructor, so a thread can reserve a record for exactly one worker. Bun announces workers a
 * tick later: there a worker takes a record for itself, below the record of the nearest ancestor that loaded the library.
 */
import { platform } from '#platform'
import { type RecordName, ThreadTable } from './thread-table.js'

/** The key of the environment data. It has a version of its own: all copies of the library in a process must agree about the data. */
const KEY = 'threadmap:threads:1'

/** The data that a thread leaves for its workers, and for other copies of this library in the thread. */
interface Inheritance {
  readonly table: SharedArrayBuffer
  /** The thread that wrote the data: its number plus one, and its record. */
  readonly writer: number
  readonly own: RecordName
  /** The record that is reserved for the next worker; 0 where the runtime announces workers too late for that. */
  readonly next: RecordName
}

/** The property of a worker that has its record: two copies of this library in one thread agree about it. */
const RECORD = Symbol.for('threadmap.record')

export class Lineage {
  readonly table: ThreadTable
  /** This thread's record. */
  readonly record: RecordName
  readonly #exact: boolean

  private constructor(table: ThreadTable, record: RecordName, exact: boolean) {
    this.table = table
    this.record = record
    this.#exact = exact
  }

  /** Finds this thread's record, or begins a table, and reserves the next worker's record. Undefined in browsers and Deno. */
  static enter(): Lineage | undefined {
    // In Deno a worker's 'exit' event comes before its end, so no thread could note the end in the table.
    const exact = platform.name === 'node'
    if (platform.environment === undefined || platform.name === 'deno') return undefined
    const number = platform.threadNumber()
    const inherited = platform.environment.get(KEY) as Inheritance | undefined
    let table = ThreadTable.from(inherited?.table)
    let record: RecordName
    if (inherited === undefined || table === undefined) {
      table = ThreadTable.create()
      record = table.add(0, number)
    } else if (inherited.writer === number) {
      // Another copy of this library was loaded before in this thread.
      return new Lineage(table, inherited.own, exact)
    } else {
      record = inherited.next !== 0 ? inherited.next : table.add(inherited.own, number)
    }
    const lineage = new Lineage(table, record, exact)
    lineage.#reserve()
    return lineage
  }

  /** The record of a worker that this thread is just creating; 0 if the worker has none. */
  recordOfNew(worker: object, thread: number): RecordName {
    if (!this.#exact) return 0
    const marked = (worker as { [RECORD]?: RecordName })[RECORD]
    if (marked !== undefined) return marked
    const left = platform.environment?.get(KEY) as Inheritance | undefined
    if (left === undefined || left.writer !== platform.threadNumber() || left.next === 0) return 0
    Object.defineProperty(worker, RECORD, { value: left.next })
    this.table.setThread(left.next, thread)
    this.#reserve()
    return left.next
  }

  #reserve(): void {
    const left: Inheritance = {
      table: this.table.buffer,
      writer: platform.threadNumber(),
      own: this.record,
      next: this.#exact ? this.table.add(this.record, 0) : 0,
    }
    platform.environment?.set(KEY, left)
  }
}
