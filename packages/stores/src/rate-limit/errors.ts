import { ThreadmapError } from 'threadmap'

/** There are `max` limits, none of which is over, and the option `whenFull` is 'refuse': the new key was not counted. */
export class LimitsFullError extends ThreadmapError {
  static {
    LimitsFullError.prototype.name = 'LimitsFullError'
  }
  /** How many limits there can be. */
  readonly max: number
  constructor(max: number) {
    super(
      'ERR_THREADMAP_LIMITS_FULL',
      `there are ${max} limits that are not over, as many as max allows, or their keys fill the memory; the new key was not counted. Raise max, or set whenFull: 'forget'`,
    )
    this.max = max
  }
}
