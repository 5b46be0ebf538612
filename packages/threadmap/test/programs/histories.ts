import { type ConcurrentMap, f64, type MapHandle } from 'threadmap'
import { type LockHandle, Mutex } from 'threadmap/sync'
import { AT_MOST, Book, Clock } from '../linearizability/book.js'
import { ABSENT, type OperationName, updated } from '../linearizability/map-model.js'
import { type Sabotage, sabotaged } from '../linearizability/sabotage.js'
import { type Crew, serve } from '../support/crew.js'
import { type Form, type FormName, formOf } from '../support/forms.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

/** The forms of values: those of the other tests, or bare numbers, for `add`. */
export type ValueName = FormName | 'plain'

export interface HistoryTask {
  readonly map: MapHandle<string, unknown>
  readonly values: ValueName
  readonly operations: readonly (OperationName | 'iterate')[]
  readonly keys: number
  readonly cache: number
  readonly seed: number
  readonly rounds: number
  readonly each: number
  readonly clock: SharedArrayBuffer
  /** One per round. */
  readonly books: readonly SharedArrayBuffer[]
  /** Held around each operation: UnsafeMap lets one thread in at a time. */
  readonly lock?: LockHandle<'Mutex'> | undefined
  /** The fault that breaks the map on purpose. */
  readonly sabotage?: Sabotage | undefined
}

/** Each client's values begin here times its number plus one: no two operations write the same value. */
const VALUES_PER_CLIENT = 1 << 17
/** Keys that are not recorded: they make tables grow and shrink, promote `dirty`, and change the size of blocks. */
const FILLERS = 64

const plain: Form<number> = {
  codec: f64,
  make: (_, version) => version,
  check: value => value,
}

export function valuesOf(name: ValueName): Form<unknown> {
  return name === 'plain' ? (plain as unknown as Form<unknown>) : formOf(name)
}

export function historyKey(index: number): string {
  return `key ${index}`
}

/** Does operations on a few keys that all clients share, and writes down what it did and when. */
class Client {
  readonly #task: HistoryTask
  readonly #random: Random
  readonly #form: Form<unknown>
  readonly #index: number
  /** The value of each key that this client saw last: what compareAndSwap expects. */
  readonly #last: number[]
  #written = 0
  #fillers = 0

  constructor(task: HistoryTask, index: number) {
    this.#task = task
    this.#random = new Random(task.seed)
    this.#form = valuesOf(task.values)
    this.#index = index
    this.#last = new Array<number>(task.keys).fill(1)
  }

  round(map: ConcurrentMap<string, unknown>, round: number, clock: Clock, crew: Crew): void {
    const { operations, each, keys, books } = this.#task
    const book = new Book(books[round]!, this.#index)
    const others = Book.all(books[round]!)
    for (let done = 0; crew.running() && (done < each || this.#isAhead(done, others)); done++) {
      const op = operations[this.#random.below(operations.length)]!
      if (op === 'iterate') this.#iterate(map, book, clock)
      else this.#operate(map, op, this.#random.below(keys), book, clock)
      // `size` counts them.
      if (this.#random.oneIn(8) && !operations.includes('size')) this.#fill(map)
    }
  }

  /** Whether to go on though this client has done its share: clients that woke up later need one to compete with. */
  #isAhead(done: number, others: readonly Book[]): boolean {
    const { each } = this.#task
    return done < each * AT_MOST && others.some(book => book.completed < each / 2)
  }

  #operate(map: ConcurrentMap<string, unknown>, op: OperationName, key: number, book: Book, clock: Clock): void {
    const value = VALUES_PER_CLIENT * (this.#index + 1) + (this.#written++ % VALUES_PER_CLIENT)
    const expected = this.#last[key]!
    let computed = false
    const record = book.begin({ client: this.#index, op, key, value, expected, call: clock.tick() })
    const out = this.#perform(map, op, key, value, expected, () => {
      computed = true
    })
    book.end(record, out, computed, clock.tick())
    if (out > 1) this.#last[key] = out
  }

  #perform(
    map: ConcurrentMap<string, unknown>,
    op: OperationName,
    key: number,
    value: number,
    expected: number,
    onCompute: () => void,
  ): number {
    const name = historyKey(key)
    const read = (found: unknown) => (found === undefined ? ABSENT : this.#form.check(found, key))
    const make = (number: number) => this.#form.make(key, number)
    switch (op) {
      case 'get':
        return read(map.get(name))
      case 'has':
        return Number(map.has(name))
      case 'set':
        map.set(name, make(value))
        return 0
      case 'delete':
        return Number(map.delete(name))
      case 'getOrInsert':
        return read(map.getOrInsert(name, make(value)))
      case 'getOrInsertComputed':
        return read(
          map.getOrInsertComputed(name, () => {
            onCompute()
            // The computation is long enough for other threads to wait for it.
            for (let spins = this.#random.below(2000); spins > 0; spins--);
            return make(value)
          }),
        )
      case 'swap':
        return read(map.swap(name, make(value)))
      case 'compareAndSwap':
        return Number(map.compareAndSwap(name, make(expected), make(value)))
      case 'compareAndDelete':
        return Number(map.compareAndDelete(name, make(expected)))
      case 'getAndDelete':
        return read(map.getAndDelete(name))
      case 'update':
        return read(
          map.update(name, current => {
            const next = updated(read(current), value)
            return next === ABSENT ? undefined : make(next)
          }),
        )
      case 'add':
        return read(map.add(name, value))
      case 'clear':
        map.clear()
        return 0
      case 'size':
        return map.size
    }
  }

  /** An iteration is a read of each key, at some moment between its beginning and its end. */
  #iterate(map: ConcurrentMap<string, unknown>, book: Book, clock: Clock): void {
    const call = clock.tick()
    const met = new Map<string, unknown>()
    for (const [name, value] of map) {
      if (met.has(name)) throw new Error(`an iteration gave ${name} twice`)
      met.set(name, value)
    }
    const end = clock.tick()
    for (let key = 0; key < this.#task.keys; key++) {
      const found = met.get(historyKey(key))
      const out = found === undefined ? ABSENT : this.#form.check(found, key)
      const record = book.begin({ client: this.#index, op: 'get', key, value: 0, expected: 0, call })
      book.end(record, out, false, end)
    }
  }

  #fill(map: ConcurrentMap<string, unknown>): void {
    const next = this.#fillers++
    map.set(`filler ${this.#index}:${next}`, this.#form.make(0, next))
    // Keys come and go in waves, so that tables grow and shrink.
    if (next % FILLERS === 0)
      for (let old = next - FILLERS; old < next; old++) map.delete(`filler ${this.#index}:${old}`)
  }
}

/** A map of which every operation runs under a lock. */
function locked<V>(map: ConcurrentMap<string, V>, mutex: Mutex): ConcurrentMap<string, V> {
  return new Proxy(map, {
    get(target, property) {
      // A getter (size) runs under the lock as well. A property that is no function is a value by then.
      const member: unknown = mutex.withLock(() => Reflect.get(target, property, target))
      if (typeof member !== 'function') return member
      if (property === Symbol.iterator) return () => mutex.withLock(() => [...target][Symbol.iterator]())
      // A function that the operation calls runs under the lock too: it must not use the map.
      return (...given: unknown[]) => mutex.withLock(() => member.apply(target, given))
    },
  })
}

function open(task: HistoryTask): ConcurrentMap<string, unknown> {
  const map: ConcurrentMap<string, unknown> = attachMap(task.map, { cache: task.cache })
  const safe = task.lock ? locked(map, Mutex.attach(task.lock)) : map
  return task.sabotage ? sabotaged(safe, task.sabotage, task.clock) : safe
}

function write(task: HistoryTask, map: ConcurrentMap<string, unknown>, crew: Crew): void {
  const client = new Client(task, crew.index)
  const clock = new Clock(task.clock)
  for (let round = 0; round < task.rounds; round++) {
    if (round > 0) {
      // Every history begins with its keys absent.
      crew.control.meet()
      if (crew.index === 0) for (let key = 0; key < task.keys; key++) map.delete(historyKey(key))
      crew.control.meet(1)
    }
    client.round(map, round, clock, crew)
  }
}

const jobs = {
  /** One task after the other: a worker takes far longer to start than to write a history. */
  record(tasks: readonly HistoryTask[], crew: Crew): void {
    const maps = tasks.map(open)
    crew.start()
    for (const [index, task] of tasks.entries()) {
      if (index > 0) crew.control.meet(1)
      write(task, maps[index]!, crew)
    }
  },
}

export type HistoryJobs = typeof jobs

serve(jobs)
