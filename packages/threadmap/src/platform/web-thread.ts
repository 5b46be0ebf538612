/**
 * A thread whose end is no event for anybody: a page, or a worker of a page or of Deno. It makes up a number for itself and
 * holds a Web Lock of that name for as long as it lives; the browser releases the lock when the thread ends, however it ends.
 * Whoever gets the lock of a thread that was known knows that it is dead.
 *
 * The number must not be known to others before the lock is held, or they would get the lock and take the living for
 * dead. In Chromium the first request of a worker waits until its event loop turns, so a worker that begins
 * to work in its first task, and is terminated there, would never have asked. So the request is made when the library is
 * loaded; until it is granted, messages to the worker are held back, and `ready()` is what else can be waited for.
 */

/** The part of the Web Locks API that liveness needs. */
export interface LockManager {
  request(
    name: string,
    options: { ifAvailable?: boolean },
    callback: (lock: object | null) => unknown,
  ): Promise<unknown>
}

/** Made-up numbers begin here; those that a runtime gives its threads stay below. */
export const FIRST_MADE_UP = 2 ** 28
/** The kernel keeps a thread's number in 30 bits. */
const LAST_MADE_UP = 2 ** 30 - 1
/**
 * How many turns of the event loop a worker waits for its lock, TURN_MS each, before it goes on without: a browser that
 * answers neither yes nor no must not keep messages for ever. Turns are counted, not time: a long task is none.
 */
const TURNS = 100
const TURN_MS = 50

export function lockName(number: number): string {
  return `threadmap:thread:${number}`
}

export class WebThread {
  readonly locks: LockManager
  /** Whether a request goes out when it is made, as in Deno, and so before any other thread's that knows the number. */
  readonly #atOnce: boolean
  #number = 0
  /** In a worker of a page: resolves when the lock is held, or is not to be had. */
  settled: Promise<void> = Promise.resolve()
  #settled = false
  #isWorker = false
  #listeners: ((number: number) => void)[] = []
  #asking: Promise<void> | undefined

  constructor(locks: LockManager, { atOnce }: { atOnce: boolean }) {
    this.locks = locks
    this.#atOnce = atOnce
  }

  /** This thread's number; 0 as long as it does not hold its lock. */
  get number(): number {
    return this.#number
  }

  /** Whether this thread could be terminated now without anybody's hearing of it. */
  get isUnheard(): boolean {
    return this.#isWorker && !this.#settled
  }

  /** Asks for the lock, once. Resolves when it is held, or cannot be had: pages of opaque origins have no Web Locks. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask()
    return this.#asking
  }

  /** Calls `listener` with this thread's number as soon as there is one. */
  whenNumbered(listener: (number: number) => void): void {
    if (this.#number !== 0) listener(this.#number)
    else this.#listeners.push(listener)
  }

  async #ask(): Promise<void> {
    if (this.#atOnce) return this.#take(madeUp())
    try {
      // A number that another thread has already is given up for another one.
      while (!(await this.#try(madeUp()))) {}
    } catch {
      // Refused. Without it this thread's death is not noticed, as in a browser that has no Web Locks.
    }
    this.#settle()
  }

  #take(number: number): void {
    this.#number = number
    this.#settle()
    this.locks.request(lockName(number), {}, forEver).catch(() => {})
  }

  #try(number: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.locks
        .request(lockName(number), { ifAvailable: true }, lock => {
          if (lock === null) return resolve(false)
          this.#number = number
          this.#settle()
          for (const listener of this.#listeners.splice(0)) listener(number)
          resolve(true)
          return forEver()
        })
        .catch(reject)
    })
  }

  #settle(): void {
    this.#settled = true
  }

  /** Asks for the lock of this worker, and holds back the messages that arrive before; then it delivers them in order. */
  beginWorker(scope: EventTarget): void {
    this.#isWorker = true
    const held: MessageEvent[] = []
    const hold = (event: Event) => {
      event.stopImmediatePropagation()
      held.push(event as MessageEvent)
    }
    scope.addEventListener('message', hold, { capture: true })
    this.settled = Promise.race([this.ask(), turns(TURNS)]).then(() => this.#settle())
    // One turn later: who awaits `ready()` in its first task can begin to listen before.
    void this.settled
      .then(() => turns(1))
      .then(() => {
        scope.removeEventListener('message', hold, { capture: true })
        for (const { data, origin, lastEventId, source, ports } of held) {
          scope.dispatchEvent(new MessageEvent('message', { data, origin, lastEventId, source, ports: [...ports] }))
        }
      })
  }
}

function forEver(): Promise<void> {
  return new Promise(() => {})
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setTimeout(resolve, count === 1 ? 0 : TURN_MS))
}

function madeUp(): number {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] as number
  return FIRST_MADE_UP + (random % (LAST_MADE_UP - FIRST_MADE_UP + 1))
}

/** The runtime's number of a thread, from a number as the registry has it. */
export function threadIdOf(number: number): number | undefined {
  return number > 0 && number < FIRST_MADE_UP ? number - 1 : undefined
}
