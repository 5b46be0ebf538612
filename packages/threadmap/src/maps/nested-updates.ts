/**
 * The updates that this thread is in: `update` runs the program's function without a lock, and starts again if the key has
 * changed meanwhile. If the function itself changes the key, that would go on for ever; so while it runs, this thread's
 * changes of that key are refused, by whichever object of the map. Other threads' changes are not.
 */

import { identityOf } from '../bridge/identity.js'
import type { Session } from '../bridge/session.js'
import { RecursiveUpdateError } from '../errors/classes.js'

/** The session of each update, innermost last, and what the read cache would keep its key under. */
const sessions: (Session | undefined)[] = []
const keys: unknown[] = []

/** How many updates this thread is in; operations look at this before all else. */
export let updates = 0

export function beginUpdate(session: Session, key: unknown): void {
  sessions[updates] = session
  keys[updates] = key
  updates++
}

export function endUpdate(): void {
  updates--
  sessions[updates] = undefined
  keys[updates] = undefined
}

/** Refuses a change of a key that is being updated. */
export function refuseOwnChange(session: Session, key: unknown, name: string, quote: () => string): void {
  for (let i = 0; i < updates; i++) {
    if (!isSameKey(keys[i], key) || !isSameMemory(sessions[i]!, session)) continue
    throw new RecursiveUpdateError(
      `${name}() was called for the key ${quote()} from within the function that update() runs for this key: the update would never end. ` +
        'Return the new value instead (undefined removes the key)',
    )
  }
}

/** Refuses `clear` while any key is being updated: it changes them all. */
export function refuseOwnClear(session: Session): void {
  for (let i = 0; i < updates; i++) {
    if (!isSameMemory(sessions[i]!, session)) continue
    throw new RecursiveUpdateError(
      'clear() was called from within the function that update() runs for a key of this map: the update would never end. Call clear() before or after update()',
    )
  }
}

function isSameKey(a: unknown, b: unknown): boolean {
  // biome-ignore lint/suspicious/noSelfCompare: as in Map, NaN is one key.
  return a === b || (a !== a && b !== b)
}

/** A memory can arrive twice, by two handles. */
function isSameMemory(a: Session, b: Session): boolean {
  return a === b || identityOf(a.memory) === identityOf(b.memory)
}
