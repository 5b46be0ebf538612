/** Worker threads that take locks, hold them and give them up as a test says. */
import { ASKING, HELD, type LockJobs, type Outcome, RELEASE } from '../programs/locking.js'
import { PATIENCE, until } from './patience.js'
import { crewOf, type Team } from './team.js'

export const team = crewOf<LockJobs>('locking')

/** Runs `body` when all workers of these teams are ready, and terminates them afterwards. */
export async function withTeams(teams: readonly Team<unknown>[], body: () => Promise<void>): Promise<void> {
  try {
    await Promise.all(teams.map(each => each.ready()))
    await body()
  } finally {
    await Promise.all(teams.map(each => each.terminate()))
  }
}

/** Runs `body` while a worker holds the lock for writing; the worker is terminated afterwards. */
export async function whileHeld(
  lock: { readonly handle: Parameters<LockJobs['hold']>[0]['lock'] },
  body: (holder: Team<Outcome>) => Promise<void>,
): Promise<void> {
  const holder = team('hold', [{ lock: lock.handle, how: 'write', timeout: PATIENCE }])
  await withTeams([holder], async () => {
    holder.open()
    await untilHeld(holder, 'the worker holds it')
    await body(holder)
  })
}

/** Waits until the first worker has the lock. */
export function untilHeld(holder: Team<unknown>, what: string): Promise<void> {
  return until(() => holder.control.get(0, HELD) === 1, what)
}

/** Waits until the first worker is about to ask for the lock. */
export function untilAsking(waiter: Team<unknown>, what: string): Promise<void> {
  return until(() => waiter.control.get(0, ASKING) === 1, what)
}

/** Tells the first worker to give the lock up. */
export function release(holder: Team<unknown>): void {
  holder.control.set(0, RELEASE, 1)
  holder.control.wake(0, RELEASE)
}
