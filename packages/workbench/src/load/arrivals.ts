import { random } from '../workload.js'

/**
 * Intended send times of an open loop, in milliseconds: a Poisson process of `rate` arrivals per second, which many
 * independent clients make together. The times do not depend on the server's answers, so a slow server gets no less load.
 */
export class Arrivals {
  readonly #next: () => number
  readonly #meanGap: number
  readonly #until: number
  /** When the next request is due; Infinity after the last. */
  due: number

  constructor(rate: number, from: number, until: number, seed: number) {
    this.#next = random(seed)
    this.#meanGap = 1000 / rate
    this.#until = until
    this.due = from
    this.advance()
  }

  advance(): void {
    const due = this.due - Math.log(1 - this.#next()) * this.#meanGap
    this.due = due < this.#until ? due : Number.POSITIVE_INFINITY
  }
}
