/** One of the threads that write without synchronisation. */

import { attachMap } from '@threadmap/workbench/subjects/maps'
import { serve } from '@threadmap/workbench/threads/serve'
import { flat } from '@threadmap/workbench/workload'
import { type ConcurrentMap, ConcurrentMapError, type MapHandle } from 'threadmap'

export type RaceSetup = Readonly<Record<string, never>>

/**
 * - `count`: add one to a counter again and again, by get and set (`unsafe`) or by `add`
 * - `iterate`: the first thread walks the map, the others write
 * - `initialise`: has, then set a thing that is to be made once; or getOrInsertComputed
 */
export interface RaceCommand {
  readonly what: 'count' | 'iterate' | 'initialise'
  readonly handle: MapHandle<string, number>
  readonly writes: number
  /** Use the right operation, not the usual mistake. */
  readonly right: boolean
}

export interface RaceReply {
  /** The error that ended this thread, and the number of its writes and milliseconds before. */
  readonly error?: string
  readonly writes: number
  readonly ms: number
  /** How many keys this thread initialised. */
  readonly made: number
}

const COUNTERS = 16

await serve<RaceSetup, RaceCommand, RaceReply>((_, { index, meet }) => ({ what, handle, writes, right }) => {
  const map: ConcurrentMap<string, number> = attachMap(handle)
  const keys = Array.from({ length: COUNTERS }, (_, i) => flat(`counter:${i}`))
  let made = 0
  let done = 0
  let walked = 0
  const work = {
    count() {
      for (; done < writes; done++) {
        const key = keys[done % COUNTERS]
        if (right) map.add(key, 1)
        else map.set(key, (map.get(key) ?? 0) + 1)
      }
    },
    iterate() {
      for (; done < writes; done++) {
        if (index === 0) {
          if (done % COUNTERS === 0) for (const [key] of map) walked += key.length
        } else {
          map.set(keys[done % COUNTERS], done)
        }
      }
    },
    initialise() {
      for (; done < writes; done++) {
        const key = `thing:${done}`
        const make = () => {
          made++
          return done
        }
        if (right) map.getOrInsertComputed(key, make)
        else if (!map.has(key)) map.set(key, make())
      }
    },
  }[what]
  meet()
  const began = performance.now()
  try {
    work()
    if (walked < 0) throw new Error('unreachable: it keeps the walk from being left out')
    return { writes: done, ms: performance.now() - began, made }
  } catch (error) {
    if (!(error instanceof ConcurrentMapError)) throw error
    return { error: error.message, writes: done, ms: performance.now() - began, made }
  } finally {
    map[Symbol.dispose]()
  }
})
