/** A limiter of rate-limiter-flexible whose points all threads share. */
// A CommonJS module whose exports Node does not see by name.
import flexible, {
  type IRateLimiterOptions,
  type RateLimiterAbstract,
  type RateLimiterRes,
} from 'rate-limiter-flexible'
import { OptionError } from 'threadmap'
import { checkPeer } from '../peer.js'
import { type Counted, Limits, type LimitsHandle } from './limits.js'

/** The options of `RateLimiterMemory`, and `limits`. */
export interface RateLimiterSharedOptions extends IRateLimiterOptions {
  /** The limits of all threads, or their handle. Limiters with a `keyPrefix` of their own share them. */
  limits: Limits | LimitsHandle
}

/** The package declares this class and does not export it; `RateLimiterMemory` extends it. */
const Base = Object.getPrototypeOf(flexible.RateLimiterMemory) as typeof RateLimiterAbstract

interface CallOptions {
  customDuration?: number
}

/**
 * `RateLimiterMemory` for all threads together. Each call is one atomic step on its key, the block after too many points (`blockDuration`) included. Points are
 * whole numbers up to 8,388,607. A call rejects with an Error, and not with a `RateLimiterRes`, for points that are none, and with `LimitsFullError`.
 */
export class RateLimiterShared extends Base {
  readonly #limits: Limits

  /** `OptionError` without limits, `PeerVersionError` for another rate-limiter-flexible than this class was built for. */
  constructor(options: RateLimiterSharedOptions) {
    checkPeer('rate-limiter-flexible')
    super(options)
    const { limits } = options
    if (limits instanceof Limits) this.#limits = limits
    else if (limits?.kind === 'Limits') this.#limits = Limits.attach(limits)
    else
      throw new OptionError(`new RateLimiterShared() takes limits: Limits, or their handle; and got ${String(limits)}`)
  }

  override async consume(
    key: string | number,
    pointsToConsume = 1,
    options: CallOptions = {},
  ): Promise<RateLimiterRes> {
    const { points: most, msBlockDuration } = this
    // Blocks at the first call that goes beyond the limit, in the same step that counts it.
    const extend = (points: number) =>
      msBlockDuration > 0 && points > most && points <= most + pointsToConsume ? msBlockDuration : undefined
    const counted = this.#limits.add(this.getKey(key), pointsToConsume, this.#window(options), extend)
    const result = this.#result(counted)
    if (counted.points > most) throw result
    if (!this.execEvenly || most <= 0 || counted.first || !(result.msBeforeNext > 0)) return result
    let delay = Math.ceil(result.msBeforeNext / (result.remainingPoints + 2))
    if (delay < this.execEvenlyMinDelayMs) delay = counted.points * this.execEvenlyMinDelayMs
    await new Promise(resolve => setTimeout(resolve, delay))
    return new flexible.RateLimiterRes(
      result.remainingPoints,
      Math.max(result.msBeforeNext - delay, 0),
      counted.points,
      false,
    )
  }

  override async penalty(key: string | number, points = 1, options: CallOptions = {}): Promise<RateLimiterRes> {
    return this.#result(this.#limits.add(this.getKey(key), points, this.#window(options)))
  }

  override async reward(key: string | number, points = 1, options: CallOptions = {}): Promise<RateLimiterRes> {
    return this.#result(this.#limits.add(this.getKey(key), -points, this.#window(options)))
  }

  override async block(key: string | number, secDuration: number): Promise<RateLimiterRes> {
    return this.#begin(key, this.points + 1, secDuration)
  }

  override async set(key: string | number, points: number, secDuration: number): Promise<RateLimiterRes> {
    return this.#begin(key, points, secDuration >= 0 ? secDuration : this.duration)
  }

  override async get(key: string | number): Promise<RateLimiterRes | null> {
    const found = this.#limits.get(this.getKey(key))
    return found === undefined ? null : this.#result(found)
  }

  override async delete(key: string | number): Promise<boolean> {
    return this.#limits.delete(this.getKey(key))
  }

  #begin(key: string | number, points: number, secDuration: number): RateLimiterRes {
    const { endsIn } = this.#limits.set(this.getKey(key), points, windowOf(secDuration))
    return new flexible.RateLimiterRes(0, endsIn === Number.POSITIVE_INFINITY ? -1 : endsIn, points)
  }

  #window({ customDuration }: CallOptions = {}): number {
    return windowOf(customDuration !== undefined && customDuration >= 0 ? customDuration : this.duration)
  }

  #result({ points, endsIn, first }: Counted): RateLimiterRes {
    const ms = endsIn === Number.POSITIVE_INFINITY ? -1 : Math.round(endsIn)
    return new flexible.RateLimiterRes(Math.max(this.points - points, 0), ms, points, first)
  }
}

/** A duration of 0 seconds: for ever. */
function windowOf(seconds: number): number {
  return seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1000
}
