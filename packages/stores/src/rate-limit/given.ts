/** The limits that a store for another package is given: as they are, or by their handle. */
import { OptionError } from 'threadmap'
import { Limits, type LimitsHandle } from './limits.js'
import { RateLimit, type RateLimitHandle, type Verdict } from './rate-limit.js'

/** `Limits` count in fixed windows, whatever length the package says. A `RateLimit` brings its algorithm, limit and window. */
export type GivenLimits = Limits | LimitsHandle | RateLimit | RateLimitHandle

export function opened(of: string, given: GivenLimits | undefined): Limits | RateLimit {
  if (given instanceof Limits || given instanceof RateLimit) return given
  if (given?.kind === 'Limits') return Limits.attach(given)
  if (given?.kind === 'RateLimit') return RateLimit.attach(given)
  throw new OptionError(`${of} takes limits: Limits or a RateLimit, or the handle of one; and got ${String(given)}`)
}

/** `OptionError` where a package was told another limit or window than the `RateLimit` has. */
export function checkAlike(limits: RateLimit, limit: unknown, window: unknown, names: readonly [string, string]): void {
  if (limit === limits.limit && window === limits.window) return
  throw new OptionError(
    `this RateLimit has limit ${limits.limit} and window ${limits.window} ms, and the package was told ${names[0]} ${String(limit)} and ` +
      `${names[1]} ${String(window)}; make them equal, or give the store Limits`,
  )
}

/** A verdict as the count that packages compare with their limit: one above it if the check was refused. */
export function countOf({ allowed, remaining }: Verdict, limit: number): number {
  return allowed ? limit - remaining : limit + 1
}
