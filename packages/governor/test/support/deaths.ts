/**
 * Ends a thread before each of its accesses to shared memory in turn: the n-th call of an `Atomics` function throws, and so do all later ones, as
 * if the thread had stopped there. Plain writes between two such calls are done or not done together with the call before them.
 */
class Death extends Error {}

type AtomicsName = 'load' | 'store' | 'add' | 'compareExchange' | 'exchange'
const NAMES: AtomicsName[] = ['load', 'store', 'add', 'compareExchange', 'exchange']

/** Runs `act`, which ends at the access with that number, from 0. Returns whether it came to its end before. */
export function actUntil(access: number, act: () => void): boolean {
  const originals = NAMES.map(name => [name, Atomics[name]] as const)
  let left = access
  for (const [name, original] of originals) {
    Object.assign(Atomics, {
      [name]: (...values: never[]) => {
        if (left-- <= 0) throw new Death()
        return (original as (...values: never[]) => unknown)(...values)
      },
    })
  }
  try {
    act()
    return true
  } catch (error) {
    if (error instanceof Death) return false
    throw error
  } finally {
    for (const [name, original] of originals) Object.assign(Atomics, { [name]: original })
  }
}

/** Calls `round` with each number of accesses until the act comes to its end. Returns how many deaths there were. */
export function atEveryAccess(round: (end: (act: () => void) => void, access: number) => void): number {
  for (let access = 0; access < 100_000; access++) {
    let whole = false
    round(act => {
      whole = actUntil(access, act)
    }, access)
    if (whole) return access
  }
  throw new Error('the act has no end')
}
