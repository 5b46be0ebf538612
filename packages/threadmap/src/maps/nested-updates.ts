/**
 * The updates that this thread is in. `update` runs the program's function without a lock, and starts again if the key has changed
 * meanwhile. If the function itself changed the key, the update would never end. So while the function runs, this thread's changes of
 * that key are refused, also by other objects for the same map. Changes by other threads are not refused.
 */

import { identityOf } from '../bridge/identity.js'
import type { Session } from '../bridge/session.js'
import { RecursiveUpdateError } from '../errors/classes.js'

/** The session of each update, innermost last, and the cache key of its key (`KeyCodec.cacheKey`). */
const sessions: (Session | undefined)[] = []
const keys: unknown[] = []

/** How many updates this thread is in. Operations check it first, so that maps without nested updates pay one comparison. */
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

/** `RecursiveUpdateError` for a change of a key that this thread is updating. */
export function refuseOwnChange(session: Session, key: unknown, name: string, quote: () => string): void {
  for (let i = 0; i < updates; i++) {
    if (!isSameKey(keys[i], key) || !isSameMemory(sessions[i]!, session)) continue
    throw new RecursiveUpdateError(
      `${name}() was called for the key ${quote()} from within the function that update() runs for this key: the update would never end. ` +
        'Return the new value instead (undefined removes the key)',
    )
  }
}

/** `RecursiveUpdateError` for `clear` while this thread updates any key of the map: `clear` changes them all. */
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

/** A memory can reach the thread twice, by two handles. */
function isSameMemory(a: Session, b: Session): boolean {
  return a === b || identityOf(a.memory) === identityOf(b.memory)
}
