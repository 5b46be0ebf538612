/** Small programs, right and wrong, and what the guard is to say of each. They run on every runtime. */
import { FastMap, f64, string } from 'threadmap'
import { type FaultKind, type GuardOptions, type GuardReport, guard, separate } from 'threadmap/guard'

type Counts = Map<string, number>

export interface Case {
  name: string
  /** Undefined: nothing. */
  finds?: FaultKind
  options?: GuardOptions
  run(map: Counts): Promise<unknown>
}

/** A pause in which others run. */
export const pause = (milliseconds = 1): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** What the runtime calls for a request: a callback of its own. */
export const task = <T>(action: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => setTimeout(() => action().then(resolve, reject), 0))

/** Read, wait, write: the fault itself, if another comes between. */
async function increment(map: Counts, wait = 1): Promise<void> {
  const before = map.get('k') ?? 0
  await pause(wait)
  map.set('k', before + 1)
}

const all = (...actions: (() => Promise<unknown>)[]): Promise<unknown> => Promise.all(actions.map(task))

export const cases: Case[] = [
  {
    name: 'two callbacks: get, await, set',
    finds: 'lost-update',
    run: map =>
      all(
        () => increment(map),
        () => increment(map),
      ),
  },
  {
    name: 'two callbacks: has, await, set',
    finds: 'lost-update',
    run: map => {
      const load = async (value: number) => {
        if (map.has('k')) return
        await pause()
        map.set('k', value)
      }
      return all(
        () => load(1),
        () => load(2),
      )
    },
  },
  {
    name: 'branches of Promise.all, the first ends first',
    finds: 'lost-update',
    run: map => Promise.all([increment(map, 1), increment(map, 6)]),
  },
  {
    name: 'branches of Promise.all, the last ends first',
    finds: 'lost-update',
    run: map => Promise.all([increment(map, 6), increment(map, 1)]),
  },
  {
    name: 'branches of Promise.all that wait for microtasks only',
    finds: 'lost-update',
    run: map => {
      const add = async () => {
        const before = map.get('k') ?? 0
        await null
        map.set('k', before + 1)
      }
      return Promise.all([add(), add(), add()])
    },
  },
  {
    name: 'an argument that awaits: set(k, get(k) + await ...)',
    finds: 'lost-update',
    run: map => {
      const add = async () => map.set('k', (map.get('k') ?? 0) + (await pause().then(() => 1)))
      return all(add, add)
    },
  },
  {
    name: 'another context overwrites between without having read',
    finds: 'lost-update',
    run: map =>
      all(
        () => increment(map, 10),
        async () => map.set('k', 100),
      ),
  },
  {
    name: 'another context deletes between: the entry rises again',
    finds: 'lost-update',
    run: map => {
      map.set('k', 1)
      return all(
        () => increment(map, 10),
        async () => map.delete('k'),
      )
    },
  },
  {
    name: 'another context clears between',
    finds: 'lost-update',
    run: map => {
      map.set('k', 1)
      return all(
        () => increment(map, 10),
        async () => map.clear(),
      )
    },
  },
  {
    name: 'the check stands outside of the lock',
    finds: 'lost-update',
    run: map => {
      const locked = mutex()
      const add = async () => {
        const before = map.get('k') ?? 0
        await locked(async () => {
          await pause()
          map.set('k', before + 1)
        })
      }
      return all(add, add)
    },
  },
  {
    name: 'a timer that was set after the read writes by it',
    finds: 'lost-update',
    run: map =>
      all(
        async () => {
          const before = map.get('k') ?? 0
          setTimeout(() => map.set('k', before + 1), 15)
          await pause(30)
        },
        () => increment(map),
      ),
  },
  {
    name: 'entries are sent, and cleared after the wait with those that came meanwhile',
    finds: 'lost-update',
    run: map => {
      map.set('a', 1)
      return all(
        async () => {
          const batch = [...map]
          await pause(10)
          map.clear()
          return batch
        },
        async () => map.set('b', 2),
      )
    },
  },
  {
    name: 'a sweep deletes what was renewed while it asked',
    finds: 'lost-update',
    run: map => {
      map.set('k', 1)
      return all(
        async () => {
          for (const [key, value] of map) {
            await pause(10)
            if (value === 1) map.delete(key)
          }
        },
        async () => map.set('k', 2),
      )
    },
  },
  {
    name: 'a snapshot is written back entry by entry',
    finds: 'lost-update',
    run: map => {
      map.set('a', 1).set('b', 1)
      return all(
        async () => {
          for (const [key, value] of [...map]) {
            await pause(5)
            map.set(key, value + 1)
          }
        },
        async () => map.set('b', 50),
      )
    },
  },
  {
    name: 'a loop that awaits, and an insertion',
    finds: 'iteration',
    run: map => {
      map.set('a', 1).set('b', 1)
      return all(
        async () => {
          for (const key of map.keys()) await pause(key === 'a' ? 10 : 1)
        },
        async () => map.set('c', 1),
      )
    },
  },
  {
    name: 'a loop that awaits, and a removal of what is still to come',
    finds: 'iteration',
    run: map => {
      map.set('a', 1).set('b', 1)
      return all(
        async () => {
          for (const [key] of map) await pause(key === 'a' ? 10 : 1)
        },
        async () => map.delete('b'),
      )
    },
  },
  {
    name: 'a loop that awaits, and clear',
    finds: 'iteration',
    run: map => {
      map.set('a', 1).set('b', 1)
      return all(
        async () => {
          for (const _ of map.values()) await pause(10)
        },
        async () => map.clear(),
      )
    },
  },
  {
    name: 'strict: get, await, delete of what was renewed',
    finds: 'lost-update',
    options: { strict: true },
    run: map => {
      map.set('k', 1)
      return all(
        async () => {
          if (map.get('k') === 1) await pause(10)
          map.delete('k')
        },
        async () => map.set('k', 2),
      )
    },
  },
  {
    name: 'strict: size, await, insert',
    finds: 'lost-update',
    options: { strict: true },
    run: map => {
      const admit = async (key: string) => {
        if (map.size >= 1) return
        await pause()
        map.set(key, 1)
      }
      return all(
        () => admit('a'),
        () => admit('b'),
      )
    },
  },
  {
    name: 'handlers started by one loop, each a context of its own by separate()',
    finds: 'lost-update',
    run: async map => {
      const running: Promise<void>[] = []
      for (let i = 0; i < 2; i++) running.push(separate(() => increment(map, 5)))
      await Promise.all(running)
    },
  },

  // Nothing to find from here on.
  {
    name: 'get and set in one go, in many contexts',
    run: map => {
      const add = async () => {
        await pause()
        map.set('k', (map.get('k') ?? 0) + 1)
        await pause()
      }
      return all(add, add, add)
    },
  },
  {
    name: 'one after the other: get, await, set',
    run: async map => {
      for (let i = 0; i < 5; i++) await task(() => increment(map))
    },
  },
  {
    name: 'read again after the wait',
    run: map => {
      const add = async () => {
        if (map.get('k') === -1) return
        await pause()
        map.set('k', (map.get('k') ?? 0) + 1)
      }
      return all(add, add)
    },
  },
  {
    name: 'looked again after the wait',
    run: map => {
      const load = async (value: number) => {
        if (map.has('k')) return
        await pause()
        if (!map.has('k')) map.set('k', value)
      }
      return all(
        () => load(1),
        () => load(2),
      )
    },
  },
  {
    name: 'a lock from the read to the write',
    run: map => {
      const locked = mutex()
      const add = () => locked(() => increment(map))
      return all(add, add, add)
    },
  },
  {
    name: 'overwriting without having read',
    run: map => {
      const put = async (value: number) => {
        await pause()
        map.set('k', value)
        await pause()
        map.set('k', value + 1)
      }
      return all(
        () => put(1),
        () => put(10),
      )
    },
  },
  {
    name: 'each its own key',
    run: map => {
      const own = async (key: string) => {
        const before = map.get(key) ?? 0
        await pause()
        map.set(key, before + 1)
      }
      return all(
        () => own('a'),
        () => own('b'),
      )
    },
  },
  {
    name: 'reserved in the same go: get, set, await, set',
    run: map => {
      const work = async () => {
        if (map.get('k') !== undefined) return
        map.set('k', 1)
        await pause()
        map.set('k', 2)
      }
      return all(work, work)
    },
  },
  {
    name: 'its own write ends what it read: get, set, then another sets, then it sets',
    run: map =>
      all(
        async () => {
          map.set('k', (map.get('k') ?? 0) + 1)
          await pause(10)
          map.set('k', 20)
        },
        async () => map.set('k', 7),
      ),
  },
  {
    name: 'a function that is awaited changes the key',
    run: async map => {
      if (map.get('k') === undefined) await increment(map)
      map.set('k', 10)
    },
  },
  {
    name: 'awaited functions within functions, each changes the key',
    run: async map => {
      const inner = async () => {
        map.get('other')
        await increment(map)
        map.get('other')
        await increment(map)
      }
      const outer = async () => {
        if (map.has('k')) return
        map.get('other')
        await inner()
        map.set('k', 10)
      }
      await outer()
    },
  },
  {
    name: 'an awaited function sets in a callback of process.nextTick',
    run: async map => {
      const { nextTick } = process
      const later = () =>
        new Promise<void>(resolve =>
          nextTick(() => {
            map.set('k', (map.get('k') ?? 0) + 1)
            resolve()
          }),
        )
      map.get('k')
      await later()
      map.set('k', 10)
    },
  },
  {
    name: 'branches are awaited, then their caller writes',
    run: async map => {
      map.get('k')
      const put = async (wait: number) => {
        await pause(wait)
        map.set('k', wait)
      }
      await Promise.all([put(3), put(1)])
      map.set('k', 10)
    },
  },
  {
    name: 'a change that was taken back',
    run: map => {
      map.set('k', 0)
      let takeBack = () => {}
      const takenBack = new Promise<void>(resolve => {
        takeBack = resolve
      })
      return all(
        async () => {
          const before = map.get('k') ?? 0
          await takenBack
          map.set('k', before + 1)
        },
        async () => {
          map.set('k', 7)
          await pause()
          map.set('k', 0)
          takeBack()
        },
      )
    },
  },
  {
    name: 'both write the same',
    run: map => {
      const load = async () => {
        if (map.has('k')) return
        await pause()
        map.set('k', 7)
      }
      return all(load, load)
    },
  },
  {
    name: 'checked for presence only, and present still',
    run: map => {
      map.set('k', 0)
      return all(
        async () => {
          if (!map.has('k')) return
          await pause(10)
          map.set('k', 5)
        },
        async () => map.set('k', 1),
      )
    },
  },
  {
    name: 'a copy is iterated',
    run: map => {
      map.set('a', 1).set('b', 1)
      return all(
        async () => {
          for (const _ of [...map]) await pause(5)
        },
        async () => map.set('c', 1).delete('b'),
      )
    },
  },
  {
    name: 'a loop that awaits, and removals of what it has passed and overwriting',
    run: map => {
      map.set('a', 1).set('b', 1).set('c', 1)
      return all(
        async () => {
          for (const [key] of map) await pause(key === 'b' ? 15 : 1)
        },
        async () => {
          await pause(8)
          map.delete('a')
          map.set('c', 2)
        },
      )
    },
  },
  {
    name: 'a loop that removes and inserts itself, and so does what it awaits',
    run: async map => {
      map.set('a', 1).set('b', 1).set('c', 1)
      const drop = async (key: string) => {
        await pause()
        map.delete(key)
      }
      for (const [key] of map) {
        if (key === 'a') await drop('b')
        else map.delete(key)
        await pause()
        if (key === 'c') map.set('d', 1)
      }
    },
  },
  {
    name: 'taken out before the wait',
    run: map => {
      map.set('a', 1)
      return all(
        async () => {
          const batch = [...map]
          map.clear()
          await pause(10)
          return batch
        },
        async () => map.set('b', 2),
      )
    },
  },
  {
    name: 'get, await, delete is taken for meant',
    run: map => {
      map.set('k', 1)
      return all(
        async () => {
          map.get('k')
          await pause(10)
          map.delete('k')
        },
        async () => map.set('k', 2),
      )
    },
  },
  {
    name: 'what an interval read does not concern its next tick',
    run: async map => {
      let ticks = 0
      await Promise.all([
        new Promise<void>(resolve => {
          const timer = setInterval(() => {
            if (++ticks === 1) map.get('k')
            else map.set('k', ticks)
            if (ticks === 3) {
              clearInterval(timer)
              resolve()
            }
          }, 10)
        }),
        task(async () => {
          await pause(12)
          map.set('k', 100)
        }),
      ])
    },
  },
  {
    name: 'what the program read at its start does not concern its callbacks',
    run: map => {
      map.get('k')
      return all(
        async () => map.set('k', 1),
        async () => map.set('k', 2),
        async () => {
          await pause()
          map.set('k', 3)
        },
      )
    },
  },
  {
    name: 'more reads in one go than are remembered',
    run: map => {
      const work = async () => {
        map.get('k')
        await pause(5)
        for (let i = 0; i < 500; i++) map.get(`x${i}`)
        map.set('k', (map.get('k') ?? 0) + 1)
        await pause()
      }
      return all(work, work, work)
    },
  },
]

/** A lock for contexts of one thread: each waits for the one before. */
function mutex(): (action: () => Promise<unknown>) => Promise<unknown> {
  let last: Promise<unknown> = Promise.resolve()
  return action => {
    const mine = last.then(action)
    last = mine.catch(() => {})
    return mine
  }
}

/** Runs one of the cases on a plain map, or on another that has the same methods. */
export async function reportsOf({ run, options }: Case, map: Counts = new Map()): Promise<GuardReport[]> {
  const reports: GuardReport[] = []
  const watched = guard(map, { ...options, name: 'counts', onReport: report => reports.push(report) })
  await separate(() => run(watched))
  return reports
}

/** One of the library's maps, for the cases that don't rely on insertion order. */
export const shared = (): FastMap<string, number> => new FastMap({ key: string, value: f64 })
