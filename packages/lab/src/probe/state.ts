/** What the threads of a watched program write and the probe's own thread reads: one row of numbers for each thread. */
import { NAME_BYTES, ROW, THREADS } from './layout.js'

export class ProbeState {
  readonly memory: SharedArrayBuffer
  readonly #count: Int32Array
  readonly #rows: Float64Array
  readonly #names: Uint8Array

  constructor(memory = new SharedArrayBuffer(COUNT_BYTES + THREADS * (ROW.length * 8 + NAME_BYTES))) {
    this.memory = memory
    this.#count = new Int32Array(memory, 0, 2)
    this.#rows = new Float64Array(memory, COUNT_BYTES, THREADS * ROW.length)
    this.#names = new Uint8Array(memory, COUNT_BYTES + this.#rows.byteLength)
  }

  /** Takes a row for the calling thread; undefined if there are more threads than rows. */
  claim(name: string): number | undefined {
    const row = Atomics.add(this.#count, 0, 1)
    if (row >= THREADS) return undefined
    const bytes = new TextEncoder().encode(name).subarray(0, NAME_BYTES)
    this.#names.set(bytes, row * NAME_BYTES)
    return row
  }

  set(row: number, field: Field, value: number): void {
    this.#rows[row * ROW.length + ROW.indexOf(field)] = value
  }

  /** All rows that were claimed, with their names. */
  rows(): (Record<Field, number> & { readonly name: string })[] {
    const count = Math.min(THREADS, Atomics.load(this.#count, 0))
    return Array.from({ length: count }, (_, row) => {
      const values = ROW.map((field, at): [Field, number] => [field, this.#rows[row * ROW.length + at]])
      // A TextDecoder refuses shared memory.
      const bytes = Uint8Array.from(this.#names.subarray(row * NAME_BYTES, (row + 1) * NAME_BYTES))
      const name = new TextDecoder().decode(bytes).replace(/\0+$/, '')
      return { ...(Object.fromEntries(values) as Record<Field, number>), name }
    })
  }
}

const COUNT_BYTES = 8

export type Field = (typeof ROW)[number]
