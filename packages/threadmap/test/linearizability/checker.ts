/**
 * Is there an order of the operations in which each takes effect between its call and its return, and returns what it did?
 * Wing and Gong's search, with Lowe's memory of what was tried: a set of operations in a state is tried once only. The search is
 * exponential at worst, so it has a time limit; at the limit the answer is "unknown".
 *
 * Sources: Wing & Gong 1993; Lowe, "Testing for linearizability" (2017); Porcupine (Anish Athalye).
 */
import { isPending, type Model, type Operation } from './history.js'

export type Verdict = 'linearizable' | 'not linearizable' | 'unknown'

/** How far the search came in a history that is not linearizable (or that took too long). */
export interface Failure<S, I, O> {
  readonly history: readonly Operation<I, O>[]
  /** The longest order that was found, and the state after it. */
  readonly placed: readonly Operation<I, O>[]
  readonly state: S
  /** The first operation to return that is not in it. */
  readonly blocked: Operation<I, O>
  /** Sets of operations in a state that were tried. */
  readonly tried: number
}

export interface Result<S, I, O> {
  readonly verdict: Verdict
  readonly tried: number
  readonly failure: Failure<S, I, O> | undefined
}

/** How often the search looks at the clock. */
const STEPS_PER_LOOK = 512

/** Checks the history of one object, for at most `limit` milliseconds. */
export function check<S, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
  limit = 10_000,
): Result<S, I, O> {
  return new Search(history, model, performance.now() + limit).run()
}

/** Checks many histories, each of one object with the same model: the first that is not linearizable decides. */
export function checkAll<S, I, O>(
  histories: Iterable<readonly Operation<I, O>[]>,
  model: Model<S, I, O>,
  limit = 10_000,
): Result<S, I, O> {
  const end = performance.now() + limit
  let tried = 0
  let unknown: Result<S, I, O> | undefined
  for (const history of histories) {
    const result = check(history, model, end - performance.now())
    tried += result.tried
    if (result.verdict === 'not linearizable') return { ...result, tried }
    if (result.verdict === 'unknown') unknown ??= result
  }
  return unknown ? { ...unknown, tried } : { verdict: 'linearizable', tried, failure: undefined }
}

class Search<S, I, O> {
  readonly #model: Model<S, I, O>
  readonly #deadline: number
  /** Completed operations by their call, then pending ones: so the gaps in the set of placed ones are short. */
  readonly #operations: readonly Operation<I, O>[]
  readonly #completed: number
  /**
   * A ring of events in order of time, without those of placed operations. Event `i` below `count` is the call of operation i,
   * `i + count` its return (if it has one); the last is the ring's head.
   */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #head: number
  readonly #placed: Uint8Array
  /** All operations below this are placed, and none from `#high` on. */
  #low = 0
  #high = 0
  readonly #seen = new Set<string>()
  #longest: number[] = []
  #longestState: S

  constructor(history: readonly Operation<I, O>[], model: Model<S, I, O>, deadline: number) {
    this.#model = model
    this.#deadline = deadline
    const byCall = (a: Operation, b: Operation) => a.call - b.call
    const completed = history.filter(operation => !isPending(operation)).sort(byCall)
    this.#completed = completed.length
    this.#operations = [...completed, ...history.filter(isPending).sort(byCall)]
    this.#longestState = model.initial
    const count = this.#operations.length
    const timeOf = (event: number) =>
      event < count ? this.#operations[event]!.call : this.#operations[event - count]!.return
    const events = [...Array(count + this.#completed).keys()]
    // At the same time, calls come first: then the two operations overlap, and either order is allowed.
    events.sort((a, b) => timeOf(a) - timeOf(b) || Number(a >= count) - Number(b >= count))
    this.#head = 2 * count
    this.#next = new Int32Array(2 * count + 1)
    this.#previous = new Int32Array(2 * count + 1)
    let last = this.#head
    for (const event of events) {
      this.#link(last, event)
      last = event
    }
    this.#link(last, this.#head)
    this.#placed = new Uint8Array(count)
  }

  run(): Result<S, I, O> {
    const stack: { operation: number; state: S }[] = []
    let state = this.#model.initial
    let left = this.#completed
    let event = this.#next[this.#head]!
    let steps = 0
    while (left > 0) {
      if (++steps % STEPS_PER_LOOK === 0 && performance.now() > this.#deadline) return this.#report('unknown')
      if (event < this.#operations.length) {
        const operation = this.#operations[event]!
        const after = this.#model.apply(state, operation)
        if (after !== undefined && this.#place(event, after)) {
          stack.push({ operation: event, state })
          state = after
          if (event < this.#completed) left--
          if (stack.length > this.#longest.length) {
            this.#longest = stack.map(entry => entry.operation)
            this.#longestState = state
          }
          event = this.#next[this.#head]!
        } else {
          event = this.#next[event]!
        }
        continue
      }
      // A return whose operation has not been placed: the last choice was wrong.
      const choice = stack.pop()
      if (choice === undefined) return this.#report('not linearizable')
      state = choice.state
      if (choice.operation < this.#completed) left++
      this.#take(choice.operation)
      event = this.#next[choice.operation]!
    }
    return { verdict: 'linearizable', tried: this.#seen.size, failure: undefined }
  }

  #link(first: number, second: number): void {
    this.#next[first] = second
    this.#previous[second] = first
  }

  /** Puts an operation next in the order, unless the same set and state were tried before. */
  #place(operation: number, state: S): boolean {
    const { high, low } = { high: this.#high, low: this.#low }
    this.#placed[operation] = 1
    if (operation >= this.#high) this.#high = operation + 1
    while (this.#placed[this.#low] === 1) this.#low++
    const name = this.#nameOf(state)
    if (this.#seen.has(name)) {
      this.#placed[operation] = 0
      this.#low = low
      this.#high = high
      return false
    }
    this.#seen.add(name)
    for (const event of this.#eventsOf(operation)) this.#link(this.#previous[event]!, this.#next[event]!)
    return true
  }

  /** Undoes the last placement. */
  #take(operation: number): void {
    this.#placed[operation] = 0
    if (operation < this.#low) this.#low = operation
    while (this.#high > 0 && this.#placed[this.#high - 1] === 0) this.#high--
    // In the reverse order of the removals: a removed event still knows its neighbours.
    for (const event of this.#eventsOf(operation).reverse()) {
      this.#next[this.#previous[event]!] = event
      this.#previous[this.#next[event]!] = event
    }
  }

  #eventsOf(operation: number): number[] {
    return operation < this.#completed ? [operation, operation + this.#operations.length] : [operation]
  }

  /** The set of placed operations and the state, exactly, in few characters: 16 operations each, from the first gap on. */
  #nameOf(state: S): string {
    let name = `${this.#low}:`
    for (let at = this.#low; at < this.#high; at += 16) {
      let bits = 0
      for (let i = 0; i < 16; i++) bits |= (this.#placed[at + i] ?? 0) << i
      name += String.fromCharCode(bits)
    }
    return `${name}:${this.#model.identity(state)}`
  }

  #report(verdict: Verdict): Result<S, I, O> {
    const placed = new Set(this.#longest)
    const open = [...Array(this.#completed).keys()].filter(operation => !placed.has(operation))
    const first = open.reduce((a, b) => (this.#operations[b]!.return < this.#operations[a]!.return ? b : a))
    const failure = {
      history: this.#operations,
      placed: this.#longest.map(operation => this.#operations[operation]!),
      state: this.#longestState,
      blocked: this.#operations[first]!,
      tried: this.#seen.size,
    }
    return { verdict, tried: this.#seen.size, failure }
  }
}
