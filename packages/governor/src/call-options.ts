/** The options of one call, and what a call tells about itself. */
import { OptionError, type ValueCodec } from 'threadmap'
import { checkCodec } from './copies.js'
import { checkFunction, checkGroup, number } from './options.js'
import type { Level } from './snapshot.js'

/** What a call tells, in the object that the caller passed as `status`. */
export interface CallStatus {
  /**
   * `call`: the operation ran. `joined`: the result of an identical read that was under way. `copy`: a shared copy of a hot key. `last good`: the
   * last good value of a degraded shard. `fallback`, `reroute`: that function's result.
   */
  from?: 'call' | 'joined' | 'copy' | 'last good' | 'fallback' | 'reroute'
  /** Milliseconds since the value's read began, for `copy` and `last good`. */
  age?: number
  /** The shard of the key, and the level it had. */
  shard?: number
  level?: Level
}

/** The options of `write`. */
export interface WriteOptions<T> {
  /** Where the operation goes while its shard is isolated or degraded: a replica, or another pool. */
  reroute?: (key: string) => T | Promise<T>
  /** How long the call may wait for room at levels 1 and 2, in milliseconds. Default: the governor's `wait`. */
  wait?: number
  /** Is filled in. */
  status?: CallStatus
}

/** The options of `read`. */
export interface ReadOptions<T> extends WriteOptions<T> {
  /**
   * How the value becomes bytes that all threads share: `json()`, `string`, `bytes`, `f64` or a codec of your own. Without it nothing is answered
   * from memory, and only reads of one thread are joined.
   */
  value?: ValueCodec<T>
  /** How old a shared copy may be that answers a read of a hot key at level 2, in milliseconds. Default 0: none does. */
  maxAge?: number
  /** The result at level 3, if there is no last good value. */
  fallback?: (key: string) => T | Promise<T>
}

const WRITE = ['reroute', 'wait', 'status']
const READ = [...WRITE, 'value', 'maxAge', 'fallback']

/** Checks the options of a call. Only calls of shards that are limited, or look as if they should be, pay for it. */
export function checkReadOptions<T>(options: ReadOptions<T>): void {
  checkGroup('read()', options, READ)
  if (options.value !== undefined) checkCodec(options.value as ValueCodec<unknown>)
  number('maxAge', options.maxAge, 0, 0, Number.POSITIVE_INFINITY)
  checkFunction('fallback', options.fallback)
  checkBoth(options)
}

export function checkWriteOptions<T>(options: WriteOptions<T>): void {
  checkGroup('write()', options, WRITE)
  checkBoth(options)
}

function checkBoth<T>({ reroute, wait, status }: WriteOptions<T>): void {
  checkFunction('reroute', reroute)
  number('wait', wait, 0, 0, 2 ** 31 - 1)
  if (status !== undefined && (typeof status !== 'object' || status === null)) {
    throw new OptionError(`the option status must be an object, and is ${String(status)}`)
  }
}
