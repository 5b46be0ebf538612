import { CompatRWMutex, type Locker, RWMutex } from 'threadmap/sync'

/** Nanoseconds that a reader takes to lock and unlock its share, per round, uncontended. */
export interface ReaderCost {
  /** `RWMutex.rlock` and `runlock`. */
  readonly direct: readonly number[]
  /** `CompatRWMutex.reader`, for code that knows a mutex only. */
  readonly behind: readonly number[]
}

/** Rounds are short and many, so that an interruption is an outlier. */
const ROUNDS = 41
const PAIRS = 10_000

/** Measures both in turn, on this thread. */
export function readerCost(): ReaderCost {
  const lock = new RWMutex()
  const compat = new CompatRWMutex()
  const direct: number[] = []
  const behind: number[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const first = timeDirect(lock)
    const second = timeBehind(compat.reader)
    // The first round is not counted: V8 compiles the code there.
    if (round < 0) continue
    direct.push(first)
    behind.push(second)
  }
  return { direct, behind }
}

function timeDirect(lock: RWMutex): number {
  const began = performance.now()
  for (let i = 0; i < PAIRS; i++) {
    lock.rlock()
    lock.runlock()
  }
  return ((performance.now() - began) * 1e6) / PAIRS
}

function timeBehind(reader: Locker): number {
  const began = performance.now()
  for (let i = 0; i < PAIRS; i++) {
    reader.lock()
    reader.unlock()
  }
  return ((performance.now() - began) * 1e6) / PAIRS
}
