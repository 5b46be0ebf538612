/**
 * What `fetch` needs of a cache: loads, one at a time per key, of which every thread knows. A load begins with a token. It ends with an
 * outcome for those who waited for that token. Once anything else came between (a set, a delete, an eviction, another thread that took
 * the load over), the token is refused. kernel/maps/cache-loads.ts has the steps, kernel-loads.ts calls them.
 */

/** A value that is no longer fresh. */
export interface Stale<V> {
  readonly value: V
  /** Milliseconds since the value was made. */
  readonly age: number
  /** Milliseconds since it was fresh for the last time; 0 or less: it is fresh still. */
  readonly over: number
}

/** What `begin` found. */
export type Look<V> =
  /** The key has a fresh value, or the load that was waited for made this one. */
  | { readonly state: 'fresh'; readonly value: V; readonly age: number }
  /** The load that was waited for returned undefined. */
  | { readonly state: 'nothing' }
  /** The load that was waited for failed, or an earlier one did and its error is kept for a while. */
  | { readonly state: 'failed'; readonly error: unknown }
  /** The load that was waited for failed, and the value from before it was kept. */
  | { readonly state: 'kept'; readonly error: Error; readonly stale: Stale<V> | undefined }
  | Pending<V>

/** A load is under way. */
export interface Pending<V> {
  /** Whether the caller has to load, since it has just begun this load, or another thread does. */
  readonly state: 'mine' | 'other'
  readonly token: number
  /** The index of a word in `words`, and the value that it had: it gets another one when a load of these keys ends. */
  readonly word: number
  readonly epoch: number
  readonly stale: Stale<V> | undefined
}

/** Whether a load of the key is under way. */
export function isPending<V>(look: Look<V>): look is Pending<V> {
  return look.state === 'mine' || look.state === 'other'
}

/** How a load ends. */
export type Outcome<V> =
  | { readonly kind: 'value'; readonly value: V; readonly ttl: number | undefined }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'error'; readonly error: unknown; readonly negativeTtl: number }
  /** Nobody wants the value any more: the load ends unless another thread waits for it. */
  | { readonly kind: 'abandoned' }
  /** This thread can't load: another one that waits will. */
  | { readonly kind: 'released' }

/** `done`: all threads see the outcome. `refused`: the token is out of date. `waited`: not abandoned, as another thread waits. */
export type Ending = 'done' | 'refused' | 'waited'

export interface LoadTable<K, V> {
  /**
   * Looks for a key, and begins a load if it has neither a fresh value nor a load under way. `waited`: the token of the load that the
   * caller waited for, or 0. `force`: a fresh value does not count. `milliseconds`: how long the load may last until others take it over.
   */
  begin(key: K, waited: number, force: boolean, milliseconds: number): Look<V>
  /** Ends a load that `begin` began. `took`: how long it lasted in milliseconds. Throws if the value can't be stored. */
  end(key: K, token: number, outcome: Outcome<V>, took: number): Ending
  /** The value to store in place of `value`, by the codec's schema. */
  admit(value: V, key: K): V
  /** The fresh value of a key. */
  get(key: K): V | undefined
  /** What tells keys apart, by the rules of `Map`. */
  nameOf(key: K): unknown
  /** A copy of the key that nobody changes. */
  own(key: K): K
  /** The memory in which `word` of a pending load is. */
  readonly words: Int32Array
  /** Finds out which threads have ended. */
  declareEnded(): void
  /** The error for a cache that was disposed in this thread. */
  disposed(): Error
  /** The error for a loader that fetches what it loads itself. */
  recursive(key: K): Error
  /** The words for a load that lasted too long. */
  late(key: K, milliseconds: number): Error
}
