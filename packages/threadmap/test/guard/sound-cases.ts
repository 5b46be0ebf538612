/** Small programs without a fault, some of which look like one: the guard is to report nothing. */
import { all, type Case, increment, mutex, pause, task } from './programs.js'

export const soundCases: readonly Case[] = [
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
