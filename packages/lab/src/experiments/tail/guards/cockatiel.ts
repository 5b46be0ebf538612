import { type Guard, Refused } from './guard.js'

/** The members of npm `cockatiel` that are used here. It is found at run time, if it is installed. */
export interface Cockatiel {
  bulkhead(limit: number, queue: number): Policy
  circuitBreaker(handled: unknown, options: { halfOpenAfter: number; breaker: unknown }): Policy
  wrap(...policies: Policy[]): Policy
  readonly handleAll: unknown
  readonly SamplingBreaker: new (options: { threshold: number; duration: number; minimumRps: number }) => unknown
}

interface Policy {
  execute<T>(call: () => Promise<T>): Promise<T>
}

/** The module, or undefined where it is not installed. */
export async function cockatielModule(): Promise<Cockatiel | undefined> {
  const name = 'cockatiel'
  try {
    return (await import(name)) as Cockatiel
  } catch {
    return undefined
  }
}

/** The breaker opens at this share of failures, the governor's third level. */
const FAILURES = 0.15
/** Over this time in ms, the governor's window; and it tries again after so long. */
const WINDOW_MS = 10_000
const HALF_OPEN_MS = 5000

export interface CockatielOptions {
  /** Calls at once in this worker, and as many that wait: of all keys, or of each part. */
  readonly most: number
  /** Which bulkhead and breaker a key belongs to; always 0 for one of all keys. */
  readonly partOf: (key: number) => number
  /** The times are this many times as long. */
  readonly scale: number
}

/** A bulkhead, and behind it a circuit breaker: one pair of all keys, or of each shard. Each thread has its own, as the package can do it. */
export class CockatielGuard implements Guard {
  readonly #module: Cockatiel
  readonly #options: CockatielOptions
  readonly #policies = new Map<number, Policy>()

  constructor(module: Cockatiel, options: CockatielOptions) {
    this.#module = module
    this.#options = options
  }

  read(key: number, load: () => Promise<number>): Promise<number> {
    return this.#run(key, load)
  }

  write(key: number, save: () => Promise<number>): Promise<number> {
    return this.#run(key, save)
  }

  async #run(key: number, call: () => Promise<number>): Promise<number> {
    try {
      return await this.#policyOf(key).execute(call)
    } catch (error) {
      if (error instanceof Error && ('isBulkheadRejectedError' in error || 'isBrokenCircuitError' in error)) {
        throw new Refused(error.message)
      }
      throw error
    }
  }

  #policyOf(key: number): Policy {
    const part = this.#options.partOf(key)
    const known = this.#policies.get(part)
    if (known !== undefined) return known
    const { bulkhead, circuitBreaker, wrap, handleAll, SamplingBreaker } = this.#module
    const { most, scale } = this.#options
    // The bulkhead is outside: what it refuses is no failure of the store.
    const policy = wrap(
      bulkhead(most, most),
      circuitBreaker(handleAll, {
        halfOpenAfter: HALF_OPEN_MS * scale,
        breaker: new SamplingBreaker({ threshold: FAILURES, duration: WINDOW_MS * scale, minimumRps: 1 }),
      }),
    )
    this.#policies.set(part, policy)
    return policy
  }

  close(): void {}
}
