/** Which thread runs next at each point of a schedule: what was chosen there, and what is left to try. */
import type { Random } from '../support/random.js'
import type { Order } from './order.js'

/** Thrown when the schedule comes to a state from which all was explored. */
export class Merged extends Error {}
const MERGED = new Merged()

/** Threads that can run, as a mask. */
export interface Runnable {
  enabled(): number
}

export class Choices {
  /** Preemptions at most. */
  bound = 0
  /** Choices made in the schedule that runs, and how many of them were preemptions. */
  depth = 0
  preemptions = 0
  #path: number[] = []
  #rest: number[] = []
  #random: { priorities: number[]; changes: number[] } | undefined

  /** A search begins: no choice has been made. */
  forget(): void {
    this.#path = []
    this.#rest = []
    this.#random = undefined
  }

  /** A search begins that draws the threads' priorities, and the `changes` points below `length` at which one gets the lowest. */
  draw(source: Random, threads: number, changes: number, length: number): void {
    this.forget()
    this.#random = {
      priorities: Array.from({ length: threads }, () => source.next()),
      changes: Array.from({ length: changes }, () => source.below(length)),
    }
  }

  /** A search begins that only repeats the choices made, and returns them. */
  repeat(): readonly number[] {
    const path = this.#path.slice(0, this.depth)
    this.#path = [...path]
    this.#rest = path.map(() => 0)
    this.#random = undefined
    this.bound = 0
    return path
  }

  /** A schedule begins. */
  begin(): void {
    this.depth = 0
    this.preemptions = 0
  }

  /** The thread that runs next. `current` runs now and can go on; -1: no thread can go on, or a change costs no preemption. */
  next(current: number, last: number, threads: Runnable, order: Order): number {
    if (this.#random !== undefined && this.depth >= this.#path.length) {
      this.#path.push(this.#byPriority(last, threads.enabled(), this.#random))
      this.#rest.push(0)
    } else if (this.depth >= this.#path.length) {
      const left = this.bound - this.preemptions
      if (order.wasReached(current, left)) throw MERGED
      const mask = current < 0 || left > 0 ? threads.enabled() : 1 << current
      const first = current >= 0 ? current : 31 - Math.clz32(mask & -mask)
      this.#path.push(first)
      this.#rest.push(mask & ~(1 << first))
    }
    const choice = this.#path[this.depth++]
    if (current >= 0 && choice !== current) this.preemptions++
    return choice
  }

  #byPriority(
    last: number,
    enabled: number,
    { priorities, changes }: { priorities: number[]; changes: number[] },
  ): number {
    if (changes.includes(this.depth) && last >= 0) priorities[last] = Math.min(...priorities) - 1
    let best = -1
    for (let i = 0; i < priorities.length; i++) {
      if ((enabled & (1 << i)) !== 0 && (best < 0 || priorities[i] > priorities[best])) best = i
    }
    return best
  }

  /** Goes back to the last choice that has something left to try, and takes it. False: all was tried. */
  backtrack(): boolean {
    while (this.#rest.length > 0) {
      const depth = this.#rest.length - 1
      const rest = this.#rest[depth]
      if (rest !== 0) {
        const bit = rest & -rest
        this.#path[depth] = 31 - Math.clz32(bit)
        this.#rest[depth] = rest & ~bit
        return true
      }
      this.#path.pop()
      this.#rest.pop()
    }
    return false
  }
}
