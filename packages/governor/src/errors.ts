/** What the governor throws on purpose. Each error has a stable `code`. Settings that are refused throw `OptionError` of `threadmap`. */
import { ThreadmapError } from 'threadmap'

/** The governor did not call the operation: its shard is limited or isolated, and there was no room within the time to wait. */
export class ShardLimitedError extends ThreadmapError {
  static {
    ShardLimitedError.prototype.name = 'ShardLimitedError'
  }
  readonly shard: number
  /** The level of the shard: 1 or 2. */
  readonly level: number
  /** Milliseconds after which another try is likely to be admitted. */
  readonly retryAfter: number
  constructor(shard: number, level: number, retryAfter: number) {
    super(
      'ERR_THREADMAP_SHARD_LIMITED',
      `shard ${shard} is ${level === 1 ? 'limited' : 'isolated'} (level ${level}), and has no room for another operation; try again in ${Math.ceil(retryAfter)} ms`,
    )
    this.shard = shard
    this.level = level
    this.retryAfter = retryAfter
  }
}

/** The governor did not call the operation: its shard is degraded (level 3). A read has neither a last good value nor a fallback. */
export class ShardDegradedError extends ThreadmapError {
  static {
    ShardDegradedError.prototype.name = 'ShardDegradedError'
  }
  readonly shard: number
  /** Milliseconds until the shard is next tried with one operation. */
  readonly retryAfter: number
  constructor(shard: number, operation: 'read' | 'write', retryAfter: number) {
    super(
      'ERR_THREADMAP_SHARD_DEGRADED',
      operation === 'write'
        ? `shard ${shard} fails (level 3), so this write was not begun; try again in ${Math.ceil(retryAfter)} ms`
        : `shard ${shard} fails (level 3), and this read has no last good value and no fallback; try again in ${Math.ceil(retryAfter)} ms`,
    )
    this.shard = shard
    this.retryAfter = retryAfter
  }
}
