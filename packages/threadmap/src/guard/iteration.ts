import { currentStep, currentTurn, enter, Step, type Turn, WALK } from './context.js'

/** How many yielded keys are remembered, to tell whether a removed key was still to come. */
const VISITED = 1000
/** How many changes are noted while an iteration waits. One change by another context is enough for a report. */
const NOTED = 8
/** How many iterations under way are watched. Abandoned ones (`map.keys().next()`) never end. */
const WATCHED = 32

/** The guard of the map, as an iteration uses it. */
export interface IterationHost {
  readonly watching: Set<GuardedIterator<unknown>>
  trace(operation: string): Step['trace']
  /** Called when the iteration goes on after a wait in which `changes` were made. Throws if the guard's options say so. */
  resumed(walk: Step, changes: readonly Step[], last: Step | undefined, now: Turn): void
}

type Kind = 'entries' | 'keys' | 'values' | typeof Symbol.iterator

/** The prototype of all built-in iterators: `map`, `filter`, `toArray` where the runtime has them. */
const builtIn = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object

/** A map's iterator. It leaves the keys that it yielded in the context, and tells the guard of changes while the loop's body awaited. */
export class GuardedIterator<T> {
  readonly #inner: Iterator<T>
  readonly #host: IterationHost
  readonly #kind: 'entries' | 'keys' | 'values'
  readonly #visited: unknown[] = []
  #noted: Step[] = []
  #walk: Step | undefined

  constructor(inner: Iterator<T>, host: IterationHost, kind: Kind) {
    this.#inner = inner
    this.#host = host
    this.#kind = typeof kind === 'symbol' ? 'entries' : kind
  }

  [Symbol.iterator](): this {
    return this
  }

  get [Symbol.toStringTag](): string {
    return 'Map Iterator'
  }

  next(): IteratorResult<T> {
    const turn = currentTurn()
    const walk = this.#walk !== undefined && this.#walk.turn === turn ? this.#walk : this.#resume(turn)
    const result = this.#inner.next()
    if (result.done) {
      walk.whole = true
      this.#host.watching.delete(this)
      return result
    }
    if (this.#kind === 'entries') [walk.key, walk.seen] = result.value as [unknown, unknown]
    else if (this.#kind === 'keys') walk.key = result.value
    if (this.#kind !== 'values' && this.#visited.length < VISITED) this.#visited.push(walk.key)
    return result
  }

  /** Called when the program leaves the loop. */
  return(value?: unknown): IteratorResult<T> {
    this.#host.watching.delete(this)
    this.#inner.return?.()
    return { done: true, value }
  }

  /** Called when a key was inserted or removed, or all keys were removed (by `clear`). */
  note(change: Step): void {
    if (!change.inserted && change.operation !== 'clear') {
      if (this.#kind === 'values' || this.#visited.length >= VISITED) return
      // The removal of a key that was yielded already misleads nobody. If the key is inserted again, it comes again, as a new one.
      const index = this.#visited.indexOf(change.key)
      if (index >= 0) return
    }
    this.#noted.push(change)
    if (this.#noted.length >= NOTED) this.#host.watching.delete(this)
  }

  /** Called at the first step, and at the first step after a wait. */
  #resume(turn: Turn): Step {
    const last = currentStep()
    const { watching } = this.#host
    const before = this.#walk
    const noted = this.#noted
    this.#noted = []
    // The noted changes are removed first: `resumed` may throw, and then the next call must not report them again.
    const walk = new Step(last, turn, WALK, this.#host, this.#kind, undefined, undefined, this.#host.trace(this.#kind))
    this.#walk = enter(walk)
    if (watching.size >= WATCHED) for (const oldest of watching) if (watching.delete(oldest)) break
    watching.add(this as GuardedIterator<unknown>)
    if (before !== undefined && noted.length > 0) this.#host.resumed(before, noted, last, turn)
    return walk
  }
}
Object.setPrototypeOf(GuardedIterator.prototype, builtIn)
