import type { Step } from './context.js'

/** How many changed keys the guard remembers at least. A fault whose change was forgotten meanwhile goes unnoticed. */
const REMEMBERED = 4096

/** The last change of each key, of at least REMEMBERED keys: two generations, of which the older is dropped when the younger is full. */
export class Changes {
  #young = new Map<unknown, Step>()
  #old = new Map<unknown, Step>()
  #clear: Step | undefined
  /** The last change that inserted or removed an entry. */
  #structural: Step | undefined

  /** The last change of `key`, by any operation. */
  of(key: unknown): Step | undefined {
    const own = this.#young.get(key) ?? this.#old.get(key)
    const clear = this.#clear
    return clear !== undefined && (own === undefined || own.seq < clear.seq) ? clear : own
  }

  /** The last change that inserted or removed an entry. */
  get structural(): Step | undefined {
    return this.#structural
  }

  add(step: Step): void {
    if (step.operation === 'clear') {
      this.#clear = this.#structural = step
      return
    }
    if (step.inserted || step.operation !== 'set') this.#structural = step
    step.priorSeq = this.of(step.key)?.seq ?? 0
    this.#young.set(step.key, step)
    if (this.#young.size < REMEMBERED) return
    this.#old = this.#young
    this.#young = new Map()
  }

  /** The changes of single keys after `seq`. */
  *after(seq: number): Generator<Step> {
    for (const step of this.#young.values()) if (step.seq > seq) yield step
    for (const [key, step] of this.#old) if (step.seq > seq && !this.#young.has(key)) yield step
  }
}
