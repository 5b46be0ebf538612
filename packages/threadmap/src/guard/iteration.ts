import { currentStep, currentTurn, enter, Step, type Turn, WALK } from './context.js'

/** Yielded keys that are remembered, to tell whether a removed one was still to come. */
const VISITED = 1000
/** Changes noted while an iteration waits. One is enough, if it is a stranger's. */
const NOTED = 8
/** Iterations under way that are watched. Abandoned ones (`map.keys().next()`) are never finished. */
const WATCHED = 32

/** What an iteration needs of the guard of its map. */
export interface IterationHost {
  readonly watching: Set<GuardedIterator<unknown>>
  trace(operation: string): Step['trace']
  /** The iteration goes on after a wait, in which `changes` were made. May throw, by the guard's options. */
  resumed(walk: Step, changes: readonly Step[], last: Step | undefined, now: Turn): void
}

type Kind = 'entries' | 'keys' | 'values' | typeof Symbol.iterator

/** What all built-in iterators inherit: `map`, `filter`, `toArray` where the runtime has them. */
const builtIn = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object

/** A map's iterator, which leaves in the context what it yielded, and tells of changes made while the loop's body awaited. */
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

  /** The loop was left. */
  return(value?: unknown): IteratorResult<T> {
    this.#host.watching.delete(this)
    this.#inner.return?.()
    return { done: true, value }
  }

  /** A key was inserted or removed, or all were (by `clear`). */
  note(change: Step): void {
    if (!change.inserted && change.operation !== 'clear') {
      if (this.#kind === 'values' || this.#visited.length >= VISITED) return
      // What was yielded before can't be missed. It may come again, if it is inserted again: as a new one.
      const index = this.#visited.indexOf(change.key)
      if (index >= 0) return
    }
    this.#noted.push(change)
    if (this.#noted.length >= NOTED) this.#host.watching.delete(this)
  }

  /** The first step, or the first after a wait. */
  #resume(turn: Turn): Step {
    const last = currentStep()
    const { watching } = this.#host
    const before = this.#walk
    const noted = this.#noted
    this.#noted = []
    // In this order: `resumed` may throw, and then the next call is not to find the same again.
    const walk = new Step(last, turn, WALK, this.#host, this.#kind, undefined, undefined, this.#host.trace(this.#kind))
    this.#walk = enter(walk)
    if (watching.size >= WATCHED) for (const oldest of watching) if (watching.delete(oldest)) break
    watching.add(this as GuardedIterator<unknown>)
    if (before !== undefined && noted.length > 0) this.#host.resumed(before, noted, last, turn)
    return walk
  }
}
Object.setPrototypeOf(GuardedIterator.prototype, builtIn)
