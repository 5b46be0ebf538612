/**
 * A thread whose end causes no event in other threads: a page, or a worker of a page or of Deno. The thread makes up a number for itself
 * and holds a Web Lock of that name while it lives. The browser releases the lock when the thread ends, however it ends. Another
 * thread that gets the lock of a known thread knows that this thread is dead.
 *
 * Other threads must not know the number before the thread holds the lock, or they would get the lock and take the living thread for
 * dead. In Chromium the first request of a worker waits until the worker's event loop turns, so a worker that begins to work in its
 * first task, and is terminated in it, would never hold the lock. So the library asks for the lock when it is loaded. Until the lock
 * is granted, the library holds messages to the worker back, and `ready()` waits for it.
 */

/** The part of the Web Locks API that liveness needs. */
export interface LockManager {
  request(
    name: string,
    options: { ifAvailable?: boolean },
    callback: (lock: object | null) => unknown,
  ): Promise<unknown>
}

/** The first made-up number. The numbers that runtimes give their threads are smaller. */
export const FIRST_MADE_UP = 2 ** 28
/** The kernel keeps a thread's number in 30 bits. */
const LAST_MADE_UP = 2 ** 30 - 1
/**
 * How many turns of the event loop a worker waits for its lock, TURN_MS each, before it goes on without the lock: a browser that
 * never answers must not keep messages for ever. Turns are counted, not time, so that a long task does not end the wait.
 */
const TURNS = 100
const TURN_MS = 50

export function lockName(number: number): string {
  return `threadmap:thread:${number}`
}

export class WebThread {
  readonly locks: LockManager
  /** Whether the runtime makes a request at once, as Deno does, and so before requests of other threads that know the number. */
  readonly #atOnce: boolean
  #number = 0
  /** In a worker of a page: resolves when the worker holds the lock, or cannot get it. */
  settled: Promise<void> = Promise.resolve()
  #settled = false
  #isWorker = false
  #listeners: ((number: number) => void)[] = []
  #asking: Promise<void> | undefined

  constructor(locks: LockManager, { atOnce }: { atOnce: boolean }) {
    this.locks = locks
    this.#atOnce = atOnce
  }

  /** This thread's number; 0 until it holds its lock. */
  get number(): number {
    return this.#number
  }

  /** Whether other threads would not notice if this thread were terminated now. */
  get isUnheard(): boolean {
    return this.#isWorker && !this.#settled
  }

  /** Asks for the lock, once. Resolves when the thread holds it, or cannot get it: pages of opaque origins have no Web Locks. */
  ask(): Promise<void> {
    this.#asking ??= this.#ask()
    return this.#asking
  }

  /** Calls `listener` with this thread's number as soon as the thread has one. */
  whenNumbered(listener: (number: number) => void): void {
    if (this.#number !== 0) listener(this.#number)
    else this.#listeners.push(listener)
  }

  async #ask(): Promise<void> {
    if (this.#atOnce) return this.#take(madeUp())
    try {
      // Another thread may have made up this number: then this thread makes up another one.
      while (!(await this.#try(madeUp()))) {}
    } catch {
      // The browser refused. Then this thread's death is not noticed, as in a browser without Web Locks.
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

  /** Asks for the lock of this worker. Holds back the messages that arrive before the answer, then delivers them in order. */
  beginWorker(scope: EventTarget): void {
    this.#isWorker = true
    const held: MessageEvent[] = []
    const hold = (event: Event) => {
      event.stopImmediatePropagation()
      held.push(event as MessageEvent)
    }
    scope.addEventListener('message', hold, { capture: true })
    this.settled = Promise.race([this.ask(), turns(TURNS)]).then(() => this.#settle())
    // One turn later, so that code which awaits `ready()` in its first task can add its listeners before.
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

/** The runtime's number of a thread, from the registry's number; undefined if the number is made up. */
export function threadIdOf(number: number): number | undefined {
  return number > 0 && number < FIRST_MADE_UP ? number - 1 : undefined
}
