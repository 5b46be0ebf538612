/**
 * One key that this thread loads, or waits for: its callers, and the steps until they have a value. A flight that waits becomes one that
 * loads if the load is passed on to this thread: because the thread that loaded died, blocked, gave up, or lost the key.
 *
 * A load ends once: by its loader, at `loadTimeout`, when its last caller leaves, or when the cache is disposed. Whatever the loader
 * returns afterwards is dropped here. If another thread took the load over meanwhile, the token is refused by the kernel.
 */
import { platform } from '#platform'
import type { FetchSettings, Loader } from './fetch-options.js'
import { type Ending, isPending, type LoadTable, type Look, type Pending, type Stale } from './load-table.js'
import type { WaitingRoom } from './waiting.js'

/**
 * A load's own thread gives up this much before the others take over, so that they get its error, and no second loader runs beside the
 * first.
 */
const GRACE_MS = 250

/** Where a value came from, for the caller's `status`. */
type From = 'load' | 'wait'

/** One call of `fetch` that waits. */
export class Caller<K, V> {
  readonly loader: Loader<K, V>
  readonly settings: FetchSettings
  readonly promise: Promise<V | undefined>
  #resolve!: (value: V | undefined) => void
  #reject!: (reason: unknown) => void
  #left: () => void = () => {}
  readonly #abort = () => {
    const reason = this.settings.signal?.reason
    this.fail(reason)
    this.#left()
  }

  constructor(loader: Loader<K, V>, settings: FetchSettings) {
    this.loader = loader
    this.settings = settings
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** From now on `left` is called when the caller's signal aborts. */
  listen(left: () => void): void {
    this.#left = left
    this.settings.signal?.addEventListener('abort', this.#abort, { once: true })
  }

  succeed(value: V | undefined, from: From): void {
    this.#end()
    if (this.settings.status !== undefined) this.settings.status.from = from
    this.#resolve(value)
  }

  /** The load failed: the caller gets the stale value if it takes one in place of an error. */
  failOrStale(error: unknown, stale: Stale<V> | undefined, passed: number): void {
    const { status, staleIfError } = this.settings
    if (stale === undefined || stale.over + passed > staleIfError || staleIfError === 0) {
      this.fail(error)
      return
    }
    this.#end()
    if (status !== undefined) {
      status.from = 'stale'
      status.age = stale.age + passed
      status.error = error
    }
    this.#resolve(stale.value)
  }

  fail(error: unknown): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.settings.signal?.removeEventListener('abort', this.#abort)
  }
}

/** What a flight needs of its thread. */
export interface Sky<K, V> {
  readonly table: LoadTable<K, V>
  readonly room: WaitingRoom
  /** Forgets a flight that has ended. */
  land(flight: Flight<K, V>): void
}

/** The loaders that are on this thread's stack, the innermost first: each was called by what the next one does before its first await. */
interface Running {
  readonly flight: object
  readonly outer: Running | undefined
}

let running: Running | undefined

/** Whether the caller runs inside the loader of this flight, as far as the stack says so. */
export function isInside(flight: object): boolean {
  for (let each = running; each !== undefined; each = each.outer) if (each.flight === flight) return true
  return false
}

export class Flight<K, V> {
  readonly key: K
  readonly name: unknown
  token = 0
  /** Whether this thread loads. */
  loads = false
  /** Whether the load goes on although nobody waits for it. */
  #inBackground = false
  readonly #sky: Sky<K, V>
  readonly #callers = new Set<Caller<K, V>>()
  #over = false
  #stale: Stale<V> | undefined
  /** When `#stale` was read, by `performance.now()`. */
  #staleAt = 0
  #began = 0
  #limit = 0
  #controller: AbortController | undefined
  #timer: unknown
  #keepsAlive = false
  #word = 0
  readonly #again = () => this.#lookAgain()

  constructor(sky: Sky<K, V>, key: K, name: unknown) {
    this.#sky = sky
    this.key = key
    this.name = name
  }

  /** One more caller. */
  join(caller: Caller<K, V>): Promise<V | undefined> {
    this.#callers.add(caller)
    caller.listen(() => this.#leave(caller))
    if (this.loads && !this.#keepsAlive) this.#setTimer(true)
    return caller.promise
  }

  // --- Loading ------------------------------------------------------------------------------------------------------------

  /** Begins the load of which `look` says that it is this thread's. `background`: no caller waits for it. */
  load(look: Pending<V>, loader: Loader<K, V>, settings: FetchSettings, background: boolean): void {
    this.token = look.token
    this.loads = true
    this.#inBackground = background
    this.#remember(look.stale)
    this.#began = performance.now()
    this.#limit = settings.loadTimeout
    this.#setTimer(!background)
    this.#controller = new AbortController()
    const context = { signal: this.#controller.signal, stale: look.stale?.value }
    let result: Promise<V>
    const outer = running
    running = { flight: this, outer }
    try {
      result = Promise.resolve(loader(this.key, context))
    } catch (error) {
      result = Promise.reject(error)
    } finally {
      running = outer
    }
    result.then(
      value => this.#loaded(value, settings),
      error => this.#failed(error, settings.negativeTtl),
    )
  }

  /** The time at which the load has lasted too long. It keeps the program running if somebody waits. */
  #setTimer(keepsAlive: boolean): void {
    clearTimeout(this.#timer as number)
    this.#keepsAlive = keepsAlive
    const left = Math.max(0, this.#limit - (performance.now() - this.#began))
    this.#timer = setTimeout(() => this.#late(), left)
    if (!keepsAlive) platform.unref(this.#timer)
  }

  #loaded(value: V, settings: FetchSettings): void {
    if (this.#over) return
    const { table } = this.#sky
    try {
      const took = performance.now() - this.#began
      const admitted = value === undefined ? value : table.admit(value, this.key)
      const ending =
        admitted === undefined
          ? table.end(this.key, this.token, { kind: 'nothing' }, took)
          : table.end(this.key, this.token, { kind: 'value', value: admitted, ttl: settings.ttl }, took)
      // The key was changed meanwhile: what the others see counts for the callers of this thread, too.
      const current = ending === 'refused' ? table.get(this.key) : undefined
      this.#land()
      for (const caller of this.#callers) caller.succeed(current ?? admitted, current === undefined ? 'load' : 'wait')
    } catch (error) {
      // The value is not of the codec's type, or too large: the same for all who wait.
      this.#failed(error, settings.negativeTtl)
    }
  }

  #failed(error: unknown, negativeTtl: number): void {
    if (this.#over) return
    const { table } = this.#sky
    let current: V | undefined
    try {
      const took = performance.now() - this.#began
      const ending = table.end(this.key, this.token, { kind: 'error', error, negativeTtl }, took)
      if (ending === 'refused') current = table.get(this.key)
    } catch {
      // The cache cannot be used; the callers get the error of the load, which came first.
    }
    this.#land()
    this.#controller?.abort(error)
    const passed = performance.now() - this.#staleAt
    for (const caller of this.#callers) {
      if (current !== undefined) caller.succeed(current, 'wait')
      else caller.failOrStale(error, this.#stale, passed)
    }
  }

  #late(): void {
    this.#failed(this.#sky.table.late(this.key, this.#limit), 0)
  }

  // --- Waiting ------------------------------------------------------------------------------------------------------------

  /** Waits for the load of another thread. */
  wait(look: Pending<V>): void {
    this.token = look.token
    this.loads = false
    this.#remember(look.stale)
    this.#word = look.word
    this.#sky.room.wait(look.word, look.epoch, this.#again)
  }

  #lookAgain(): void {
    if (this.#over) return
    const [first] = this.#callers
    if (first === undefined) {
      this.#land()
      return
    }
    let look: Look<V>
    try {
      // A refresh that was not done by the thread that was waited for is still wanted.
      const force = [...this.#callers].some(({ settings }) => settings.forceRefresh)
      look = this.#sky.table.begin(this.key, this.token, force, lastsAtMost(first.settings))
    } catch (error) {
      this.#land()
      for (const caller of this.#callers) caller.fail(error)
      return
    }
    if (isPending(look)) {
      if (look.state === 'mine') this.load(look, first.loader, first.settings, false)
      else this.wait(look)
      return
    }
    this.#land()
    const passed = performance.now() - this.#staleAt
    for (const caller of this.#callers) settle(caller, look, this.#stale, passed)
  }

  #remember(stale: Stale<V> | undefined): void {
    this.#stale = stale
    this.#staleAt = performance.now()
  }

  // --- Ends ---------------------------------------------------------------------------------------------------------------

  #leave(caller: Caller<K, V>): void {
    this.#callers.delete(caller)
    if (this.#over || this.#callers.size > 0 || this.#inBackground) return
    if (!this.loads) {
      this.#sky.room.leave(this.#word, this.#again)
      this.#land()
      return
    }
    if (this.#give('abandoned') === 'waited') {
      this.#inBackground = true
      return
    }
    this.#land()
    this.#controller?.abort(caller.settings.signal?.reason)
  }

  /** The cache is disposed in this thread: its callers get `reason`, and other threads take the load over. */
  end(reason: Error): void {
    if (this.#over) return
    if (this.loads) this.#give('released')
    else this.#sky.room.leave(this.#word, this.#again)
    this.#land()
    this.#controller?.abort(reason)
    for (const caller of this.#callers) caller.fail(reason)
  }

  /** Gives the load up, without an outcome. Where the cache cannot be used, the load's deadline passes it on. */
  #give(kind: 'abandoned' | 'released'): Ending {
    try {
      return this.#sky.table.end(this.key, this.token, { kind }, performance.now() - this.#began)
    } catch {
      return 'refused'
    }
  }

  #land(): void {
    this.#over = true
    clearTimeout(this.#timer as number)
    this.#sky.land(this)
  }
}

/** How long other threads wait for a load before one of them takes it over. */
export function lastsAtMost(settings: FetchSettings): number {
  return settings.loadTimeout + GRACE_MS
}

/** Gives a caller what a look found that is no load. `passed`: milliseconds since `stale` was read. */
export function settle<K, V>(
  caller: Caller<K, V>,
  look: Exclude<Look<V>, Pending<V>>,
  stale: Stale<V> | undefined,
  passed: number,
): void {
  switch (look.state) {
    case 'fresh':
      caller.succeed(look.value, 'wait')
      break
    case 'nothing':
      caller.succeed(undefined, 'wait')
      break
    case 'failed':
      caller.failOrStale(look.error, stale, passed)
      break
    case 'kept':
      caller.failOrStale(look.error, look.stale, 0)
      break
  }
}
