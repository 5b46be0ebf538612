import { type Crew, serve } from '../support/crew.js'

/** The exports of litmus/assembly/litmus.ts. */
export interface LitmusExports {
  storeBuffering(role: number, count: number, results: number, plain: boolean): void
  exchangeBuffering(role: number, count: number, results: number): void
  messagePassing(role: number, count: number, results: number): void
  freeThenReuse(role: number, count: number, results: number): void
  validatedRead(role: number, count: number, results: number): void
  valueWord(role: number, count: number, results: number): void
}

export interface LitmusTask {
  readonly module: Uint8Array
  readonly memory: WebAssembly.Memory
  readonly shape: keyof LitmusExports
  readonly role: number
  readonly count: number
  /** Where this side's results go. */
  readonly results: number
  readonly plain: boolean
}

const jobs = {
  side({ module, memory, shape, role, count, results, plain }: LitmusTask, crew: Crew): void {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module.slice()), { env: { memory } })
    const exports = instance.exports as unknown as LitmusExports
    crew.start()
    exports[shape](role, count, results, plain)
  },
}

export type LitmusJobs = typeof jobs

serve(jobs)
