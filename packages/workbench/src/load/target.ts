import type { Resources, Step } from './step.js'

/** The target of a step load. */
export interface Target<R extends Resources = Resources> {
  readonly name: string
  /** Threads that do the work; 0 if their number is not known. */
  readonly workers: number
  step(load: Load): Promise<Step<R>>
  stop(): Promise<void>
}

export interface Load {
  readonly clients: number
  /** Arrivals per second of all clients together; null: a closed loop. */
  readonly rate: number | null
  readonly warmUpMs: number
  readonly ms: number
  readonly seed: number
}
