import {
  Governor,
  type GovernorHandle,
  type GovernorOptions,
  ShardDegradedError,
  ShardLimitedError,
} from '@threadmap/governor'
import { f64 } from 'threadmap'
import { MAX_AGE_MS, OBJECTIVE_MS, SHARDS, shardOf } from '../plan.js'
import { failureOf } from '../store/client.js'
import { type Guard, Refused } from './guard.js'

/** A shard with fewer operations in a minute is not judged, by default; and with fewer in a short window it is not degraded. */
const LEAST_OPERATIONS = 200
const LEAST_FAILING = 20

const PREFIX = 'item:'

/** What each thread has of its own: functions cannot be sent. */
const FUNCTIONS: Pick<GovernorOptions, 'shardOf' | 'isFailure'> = {
  shardOf: key => shardOf(Number(key.slice(PREFIX.length))),
  // That no connection was free says nothing about the shard.
  isFailure: error => failureOf(error) !== 'busy',
}

/** The governor of a server, with default settings but for its objective, and all times `scale` times as long. */
export function newGovernor(scale: number): Governor {
  return new Governor({
    objective: { p99: OBJECTIVE_MS },
    shards: SHARDS,
    timeScale: scale,
    // Shorter windows have fewer operations.
    detection: { minOperations: Math.ceil(LEAST_OPERATIONS * scale) },
    degrade: { minOperations: Math.max(4, Math.ceil(LEAST_FAILING * scale)) },
    ...FUNCTIONS,
  })
}

/** A worker's part in the governor that all workers of its server share. */
export class GovernorGuard implements Guard {
  readonly #governor: Governor

  constructor(handle: GovernorHandle) {
    this.#governor = Governor.attach(handle, FUNCTIONS)
  }

  read(key: number, load: () => Promise<number>): Promise<number> {
    return allowed(this.#governor.read(PREFIX + key, load, { value: f64, maxAge: MAX_AGE_MS }))
  }

  write(key: number, save: () => Promise<number>): Promise<number> {
    return allowed(this.#governor.write(PREFIX + key, save))
  }

  close(): void {
    this.#governor.dispose()
  }
}

async function allowed<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ShardLimitedError || error instanceof ShardDegradedError) throw new Refused(error.message)
    throw error
  }
}
