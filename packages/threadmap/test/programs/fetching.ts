/** A worker program: threads that fetch from one cache. */
import { type CacheHandle, type FetchOptions, type FetchStatus, SharedCache } from 'threadmap/cache'
import { type Crew, serve } from '../support/crew.js'

/** How a loader behaves. */
export type Manner =
  /** Returns a value that names the thread. */
  | 'value'
  | 'slow'
  | 'error'
  /** Throws at RELEASE. */
  | 'fails'
  | 'nothing'
  /** Never settles. */
  | 'hangs'
  /** Blocks the thread until RELEASE, and then returns a value. */
  | 'blocks'
  /** Settles at RELEASE. */
  | 'released'
  /** Fetches `next` at RELEASE and returns a value made of that one. */
  | 'asks'
  /** Rejects with its signal's reason when that aborts. */
  | 'aborts'

export interface FetchTask {
  readonly cache: CacheHandle<string, string>
  readonly key: string
  readonly manner: Manner
  readonly next?: string
  readonly options?: Omit<FetchOptions, 'signal' | 'status'>
  /** How many calls there are at once. */
  readonly times?: number
  /** The thread's runtime has no `Atomics.waitAsync`. */
  readonly timers?: boolean
  /** The call is aborted at ABORT. */
  readonly isAborted?: boolean
  /** The cache is disposed at ABORT. */
  readonly isDisposed?: boolean
}

/** The outcome of the calls of one thread, which all must have the same. */
export interface Fetched {
  readonly value: string | undefined
  readonly error: { name: string; message: string; code: unknown; status: unknown } | undefined
  readonly status: FetchStatus
  /** How often this thread's loader ran. */
  readonly loads: number
  /** Whether the loader's signal aborted. */
  readonly aborted: boolean
}

/** Words of a worker's control block: the loader has begun; the call was made; the loader may end; the caller's signal aborts. */
export const LOADS = 0
export const CALLED = 1
export const RELEASE = 2
export const ABORT = 3
/** The loader has ended, after it was released. */
export const ENDED = 4

const pause = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))

async function whileZero(crew: Crew, word: number): Promise<void> {
  while (crew.control.get(crew.index, word) === 0) await pause(2)
}

const jobs = {
  async fetch(task: FetchTask, crew: Crew): Promise<Fetched> {
    if (task.timers) Reflect.deleteProperty(Atomics, 'waitAsync')
    const cache = SharedCache.attach<string, string>(task.cache)
    const { control, index } = crew
    let loads = 0
    let aborted = false
    const load = async (_key: string, { signal }: { signal: AbortSignal }): Promise<string | undefined> => {
      loads++
      signal.addEventListener('abort', () => (aborted = true))
      control.add(index, LOADS, 1)
      switch (task.manner) {
        case 'slow':
          await pause(50)
          break
        case 'error':
          await pause(50)
          throw Object.assign(new RangeError(`no ${task.key} today`), { code: 'ENOENT', status: 404 })
        case 'fails':
          await whileZero(crew, RELEASE)
          throw Object.assign(new RangeError(`no ${task.key} today`), { code: 'ENOENT', status: 404 })
        case 'nothing':
          await pause(50)
          return undefined
        case 'hangs':
          return await new Promise<string>(() => {})
        case 'blocks':
          control.sleepWhile(index, RELEASE, 0)
          control.set(index, ENDED, 1)
          break
        case 'released':
          await whileZero(crew, RELEASE)
          control.set(index, ENDED, 1)
          break
        case 'asks':
          await whileZero(crew, RELEASE)
          return `${await cache.fetch(task.next!, load, task.options)} and ${index}`
        case 'aborts':
          return await new Promise<string>((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason))
          })
        default:
      }
      return `of ${index}`
    }
    crew.start()
    const status: FetchStatus = {}
    const abort = new AbortController()
    const calls = Array.from({ length: task.times ?? 1 }, () =>
      cache
        .fetch(task.key, load, { ...task.options, status, ...(task.isAborted ? { signal: abort.signal } : {}) })
        .then(
          value => ({ value, error: undefined }),
          ({ name, message, code, status: number }) => ({
            value: undefined,
            error: { name, message, code, status: number },
          }),
        ),
    )
    control.set(index, CALLED, 1)
    if (task.isAborted || task.isDisposed) {
      await whileZero(crew, ABORT)
      if (task.isAborted) abort.abort(new Error('the caller is gone'))
      else cache[Symbol.dispose]()
    }
    const outcomes = await Promise.all(calls)
    const [first] = outcomes
    for (const outcome of outcomes) {
      if (JSON.stringify(outcome) !== JSON.stringify(first)) {
        throw new Error(`two outcomes of one thread: ${JSON.stringify(outcome)} and ${JSON.stringify(first)}`)
      }
    }
    delete status.error
    return { ...first!, status, loads, aborted }
  },

  /** Fetches `count` keys at once. The load of key number i ends when RELEASE is above i. */
  async many({ cache: handle, count }: { cache: CacheHandle<string, string>; count: number }, crew: Crew) {
    const cache = SharedCache.attach<string, string>(handle)
    const { control, index } = crew
    const ends: (() => void)[] = []
    let loads = 0
    const load = (key: string, i: number) => {
      loads++
      control.add(index, LOADS, 1)
      return new Promise<string>(resolve => (ends[i] = () => resolve(`${key}, loaded`)))
    }
    crew.start()
    const calls = Array.from({ length: count }, (_, i) =>
      cache
        .fetch(`key ${i}`, key => load(key, i))
        .then(value => {
          control.add(index, ENDED, 1)
          return value
        }),
    )
    control.set(index, CALLED, 1)
    for (let done = 0; done < count; await pause(2)) {
      for (const level = control.get(index, RELEASE); done < level; done++) ends[done]?.()
    }
    return { loads, values: await Promise.all(calls) }
  },
}

export type FetchJobs = typeof jobs

serve(jobs)
