const GATE = 0
const STOP = 1
const SIZE = 2
const ARRIVED = 3
const ROUND = 4
/** The per-worker words begin here; 32 words (128 bytes) each, so that two workers never write the same cache line. */
const FIRST = 32
const STRIDE = 32
/** The last of a worker's words says that it has seen what its test is about; the job uses the others. */
const SEEN = STRIDE - 1

/** A few words in memory of their own (not the map's), by which the main thread starts, stops and watches a team. */
export class Control {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer)
  }

  static forWorkers(count: number): Control {
    const control = new Control(new SharedArrayBuffer((FIRST + STRIDE * Math.max(count, 1)) * 4))
    Atomics.store(control.#words, SIZE, count)
    return control
  }

  open(): void {
    Atomics.store(this.#words, GATE, 1)
    Atomics.notify(this.#words, GATE)
  }

  waitUntilOpen(): void {
    Atomics.wait(this.#words, GATE, 0)
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1)
  }

  get stopped(): boolean {
    return Atomics.load(this.#words, STOP) === 1
  }

  /**
   * Waits until every worker of the team has come here. It spins first, for `spin` milliseconds: sleeping workers
   * wake up one after the other, and the first would be done with a short piece of work before the next begins.
   */
  meet(spin = 0): void {
    const round = Atomics.load(this.#words, ROUND)
    if (Atomics.add(this.#words, ARRIVED, 1) + 1 === Atomics.load(this.#words, SIZE)) {
      Atomics.store(this.#words, ARRIVED, 0)
      Atomics.add(this.#words, ROUND, 1)
      Atomics.notify(this.#words, ROUND)
    } else {
      const end = spin > 0 ? performance.now() + spin : 0
      while (end > 0 && Atomics.load(this.#words, ROUND) === round) if (performance.now() > end) break
      while (Atomics.load(this.#words, ROUND) === round) Atomics.wait(this.#words, ROUND, round)
    }
  }

  /** Says that this worker has seen what its test is about: that is when the main thread may stop the team. */
  markSeen(worker: number): void {
    Atomics.store(this.#words, FIRST + worker * STRIDE + SEEN, 1)
  }

  /** Whether every worker of the team has seen what the test is about. */
  get allHaveSeen(): boolean {
    const size = Atomics.load(this.#words, SIZE)
    for (let worker = 0; worker < size; worker++) if (this.get(worker, SEEN) === 0) return false
    return true
  }

  /** Word `word` (0 to 30) of a worker. */
  get(worker: number, word: number): number {
    return Atomics.load(this.#words, FIRST + worker * STRIDE + word)
  }

  set(worker: number, word: number, value: number): void {
    Atomics.store(this.#words, FIRST + worker * STRIDE + word, value)
  }

  add(worker: number, word: number, delta: number): number {
    return Atomics.add(this.#words, FIRST + worker * STRIDE + word, delta)
  }

  /** Wakes whoever sleeps in `sleepWhile` on this word. */
  wake(worker: number, word: number): void {
    Atomics.notify(this.#words, FIRST + worker * STRIDE + word)
  }

  /** Sleeps while the word has `value`. The main thread must not: it polls (`until` in team.ts). */
  sleepWhile(worker: number, word: number, value: number): void {
    while (this.get(worker, word) === value) Atomics.wait(this.#words, FIRST + worker * STRIDE + word, value, 1000)
  }
}
