/**
 * `fetch`, seen from one thread: at most one flight per key, which all callers of this thread join. Whether the flight loads or waits for
 * another thread, the kernel says, anew for each call: so a call that comes after the key was set or deleted never gets the value of
 * a load that began before.
 */
import type { FetchSettings, Loader } from './fetch-options.js'
import { Caller, Flight, isInside, lastsAtMost, type Sky, settle } from './flight.js'
import { isPending, type LoadTable, type Pending } from './load-table.js'
import { WaitingRoom } from './waiting.js'

/** The flights of one cache in this thread. */
export class Flights<K, V> implements Sky<K, V> {
  readonly table: LoadTable<K, V>
  readonly room: WaitingRoom
  /** The flight that a new caller of the key joins. */
  readonly #current = new Map<unknown, Flight<K, V>>()
  /** All flights. Those that are not current go on for the callers that they have. */
  readonly #all = new Set<Flight<K, V>>()

  constructor(table: LoadTable<K, V>) {
    this.table = table
    this.room = new WaitingRoom(
      () => table.words,
      () => table.declareEnded(),
    )
  }

  /** `fetch` for a key that has no fresh value, or whose value does not count (`forceRefresh`). */
  fetch(given: K, loader: Loader<K, V>, settings: FetchSettings): Promise<V | undefined> {
    const { table } = this
    const caller = new Caller(loader, settings)
    const key = table.own(given)
    const look = table.begin(key, 0, settings.forceRefresh, lastsAtMost(settings))
    if (!isPending(look)) {
      settle(caller, look, undefined, 0)
      return caller.promise
    }
    const { stale } = look
    // A fresh value is loaded anew at the caller's wish, and is not what the caller wants.
    const revalidates = stale !== undefined && stale.over >= 0 && stale.over < settings.staleWhileRevalidate
    if (revalidates && !settings.forceRefresh) {
      if (look.state === 'mine') this.#flight(key, look).load(look, loader, settings, true)
      if (settings.status !== undefined) Object.assign(settings.status, { from: 'stale', age: stale.age })
      return Promise.resolve(stale.value)
    }
    const flight = this.#flight(key, look)
    if (isInside(flight)) {
      caller.fail(table.recursive(key))
      return caller.promise
    }
    const promise = flight.join(caller)
    if (look.state === 'mine') flight.load(look, loader, settings, false)
    return promise
  }

  /** Loads a key in the background although its value is fresh, unless that is being done. */
  refresh(given: K, loader: Loader<K, V>, settings: FetchSettings): void {
    const key = this.table.own(given)
    const look = this.table.begin(key, 0, true, lastsAtMost(settings))
    if (look.state === 'mine') this.#flight(key, look).load(look, loader, settings, true)
  }

  /** Ends all flights, after the cache was disposed in this thread. */
  end(): void {
    const reason = this.table.disposed()
    for (const flight of [...this.#all]) flight.end(reason)
  }

  land(flight: Flight<K, V>): void {
    this.#all.delete(flight)
    if (this.#current.get(flight.name) === flight) this.#current.delete(flight.name)
  }

  /** The flight for a pending load: the current one of the key, if it has this load or waits for whichever there is. */
  #flight(key: K, look: Pending<V>): Flight<K, V> {
    const name = this.table.nameOf(key)
    const known = this.#current.get(name)
    if (look.state === 'other' && known !== undefined && (!known.loads || known.token === look.token)) return known
    const flight = new Flight<K, V>(this, key, name)
    this.#current.set(name, flight)
    this.#all.add(flight)
    if (look.state === 'other') flight.wait(look)
    return flight
  }
}
