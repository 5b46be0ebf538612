/** Small programs with a fault, and which one the guard is to report. */
import { separate } from 'threadmap/guard'
import { all, type Case, increment, mutex, pause } from './programs.js'

export const faultyCases: readonly Case[] = [
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
]
