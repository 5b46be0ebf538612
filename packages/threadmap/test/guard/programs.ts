/** What the guard's cases are made of: requests that pause while they work with one map. */
import type { FaultKind, GuardOptions } from 'threadmap/guard'

export type Counts = Map<string, number>

export interface Case {
  name: string
  /** The fault that the guard must report; undefined: none. */
  finds?: FaultKind
  options?: GuardOptions
  run(map: Counts): Promise<unknown>
}

/** A pause in which other contexts run. */
export const pause = (milliseconds = 1): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Runs `action` as a request: in a callback of its own, which the runtime calls. */
export const task = <T>(action: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => setTimeout(() => action().then(resolve, reject), 0))

/** Read, wait, write: a lost update, if another context writes during the wait. */
export async function increment(map: Counts, wait = 1): Promise<void> {
  const before = map.get('k') ?? 0
  await pause(wait)
  map.set('k', before + 1)
}

/** Runs each of these as a request of its own, at once. */
export const all = (...actions: (() => Promise<unknown>)[]): Promise<unknown> => Promise.all(actions.map(task))

/** A lock for contexts of one thread: each waits for the previous one. */
export function mutex(): (action: () => Promise<unknown>) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve()
  return action => {
    const mine = last.then(action)
    last = mine.catch(() => {})
    return mine
  }
}
