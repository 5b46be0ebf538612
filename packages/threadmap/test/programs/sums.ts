import type { MapHandle } from 'threadmap'
import { type Crew, serve } from '../support/crew.js'
import { attachMap } from '../support/maps.js'
import { Random } from '../support/random.js'

export interface BankTask {
  readonly map: MapHandle<string, number>
  readonly keys: number
  readonly seed: number
  /** One hot key only, and `add` only. */
  readonly addOnly: boolean
}

/** The sums added and taken out, per key. */
export interface BankReport {
  readonly added: number[]
  readonly banked: number[]
  readonly operations: number
}

export interface TokenTask {
  readonly map: MapHandle<string, string>
  readonly keys: number
  readonly seed: number
  readonly operations: number
}

export interface TokenReport {
  readonly entered: string[]
  readonly left: string[]
}

export interface WinnerTask {
  readonly map: MapHandle<string, string>
  readonly keys: number
  /** The workers wait for each other after this many keys. */
  readonly round: number
}

export interface WinnerReport {
  /** The value that getOrInsert gave for each key. */
  readonly seen: string[]
  /** How many keys this worker removed, by what the removing calls returned. */
  readonly removed: number
}

export interface ComputeTask {
  readonly map: MapHandle<number, number>
  readonly keys: number
  /** Int32Array: completed computations per key, then attempts that threw per key. */
  readonly counts: SharedArrayBuffer
}

export interface BigAddTask {
  readonly map: MapHandle<number, bigint>
  readonly delta: bigint
  readonly times: number
}

export interface VersionTask {
  readonly map: MapHandle<string, number>
  readonly top: number
}

const jobs = {
  /**
   * Moves amounts into and out of the map by every atomic operation that returns what it replaced. The value of each key at the end
   * must be the sum that all workers put in less the sum that they took out.
   */
  bank(task: BankTask, crew: Crew): BankReport {
    const map = attachMap(task.map)
    const random = new Random(task.seed)
    const added = new Array<number>(task.keys).fill(0)
    const banked = new Array<number>(task.keys).fill(0)
    let operations = 0
    crew.start()
    while (crew.running()) {
      crew.worked(++operations)
      // Half of all operations go to key 0: contention on one entry.
      const index = random.oneIn(2) ? 0 : random.below(task.keys)
      const key = `account:${index}`
      const amount = 1 + random.below(9)
      switch (task.addOnly ? 0 : random.below(8)) {
        case 0:
        case 1: {
          const sum = map.add(key, amount)
          // Only amounts that workers bank lower the value; it is never below the amount that was just added.
          if (!(sum >= amount)) throw new Error(`add(${key}, ${amount}) returned ${sum}`)
          added[index]! += amount
          break
        }
        case 2:
          map.update(key, current => (current ?? 0) + amount)
          added[index]! += amount
          break
        case 3: {
          let last: number | undefined
          map.update(key, current => {
            last = current
            return undefined
          })
          banked[index]! += last ?? 0
          break
        }
        case 4:
          banked[index]! += map.swap(key, amount) ?? 0
          added[index]! += amount
          break
        case 5: {
          const current = map.get(key)
          if (current !== undefined && map.compareAndSwap(key, current, current + amount)) added[index]! += amount
          break
        }
        case 6: {
          const current = map.get(key)
          if (current !== undefined && map.compareAndDelete(key, current)) banked[index]! += current
          break
        }
        case 7:
          banked[index]! += map.getAndDelete(key) ?? 0
          break
      }
    }
    return { added, banked, operations }
  },

  /** Like `bank`, with unique strings of many lengths instead of amounts: each leaves the map at most once. */
  tokens(task: TokenTask, crew: Crew): TokenReport {
    const map = attachMap(task.map)
    const random = new Random(task.seed)
    const entered: string[] = []
    const left: string[] = []
    crew.start()
    for (let count = 0; count < task.operations; count++) {
      const key = `slot:${random.below(task.keys)}`
      const token = `${crew.index}/${count}/`.padEnd(6 + (random.next() % 70), 'x')
      switch (random.below(7)) {
        case 0: {
          const previous = map.swap(key, token)
          entered.push(token)
          if (previous !== undefined) left.push(previous)
          break
        }
        case 1: {
          const previous = map.getAndDelete(key)
          if (previous !== undefined) left.push(previous)
          break
        }
        case 2: {
          const current = map.get(key)
          if (current !== undefined && map.compareAndSwap(key, current, token)) {
            entered.push(token)
            left.push(current)
          }
          break
        }
        case 3: {
          const current = map.get(key)
          if (current !== undefined && map.compareAndDelete(key, current)) left.push(current)
          break
        }
        case 4:
          if (map.getOrInsert(key, token) === token) entered.push(token)
          break
        case 5:
          if (map.getOrInsertComputed(key, () => token) === token) entered.push(token)
          break
        case 6: {
          let last: string | undefined
          const remove = random.oneIn(2)
          map.update(key, current => {
            last = current
            return remove ? undefined : token
          })
          if (!remove) entered.push(token)
          if (last !== undefined) left.push(last)
          break
        }
      }
    }
    return { entered, left }
  },

  /** All workers walk the same keys at the same time: they insert, and when all have seen the winner, they remove. */
  winners(task: WinnerTask, crew: Crew): WinnerReport {
    const map = attachMap(task.map)
    const seen: string[] = []
    let removed = 0
    crew.start()
    for (let first = 0; first < task.keys; first += task.round) {
      crew.control.meet()
      for (let index = first; index < first + task.round; index++) {
        seen.push(map.getOrInsert(`key:${index}`, `${crew.index}:${index}`))
      }
      crew.control.meet()
      for (let index = first; index < first + task.round; index++) {
        const key = `key:${index}`
        if (index % 3 === 0) removed += Number(map.compareAndDelete(key, seen[index]!))
        else if (index % 3 === 1) removed += Number(map.delete(key))
        else removed += Number(map.getAndDelete(key) !== undefined)
      }
    }
    return { seen, removed }
  },

  /** All workers ask for the same absent keys; some computations fail, some take long. */
  compute(task: ComputeTask, crew: Crew): number[] {
    const map = attachMap(task.map)
    const counts = new Int32Array(task.counts)
    const seen: number[] = []
    crew.start()
    for (let key = 0; key < task.keys; key++) {
      while (seen.length === key) {
        try {
          const value = map.getOrInsertComputed(key, given => {
            if (given !== key) throw new Error(`compute got ${given} for ${key}`)
            if (key % 16 === 0) spin(200)
            // The first attempts at some keys fail: the error goes to its caller, and a waiter computes.
            if (key % 8 === 0 && Atomics.add(counts, task.keys + key, 1) < 2) throw new RangeError(`refused ${key}`)
            return Atomics.add(counts, key, 1) * 1000 + crew.index
          })
          seen.push(value)
        } catch (error) {
          if (!(error instanceof RangeError) || error.message !== `refused ${key}`) throw error
        }
      }
    }
    return seen
  },

  /** 64-bit sums that wrap. */
  addBig(task: BigAddTask, crew: Crew): void {
    const map = attachMap(task.map)
    crew.start()
    for (let count = 0; count < task.times; count++) map.add(count % 4, task.delta)
  },

  /** Counts one key up from 0 to `top` by compare-and-swap alone; returns how many steps were this worker's. */
  versions(task: VersionTask, crew: Crew): number {
    const map = attachMap(task.map)
    let won = 0
    crew.start()
    let current = map.get('version')!
    while (current < task.top) {
      if (map.compareAndSwap('version', current, current + 1)) won++
      const next = map.get('version')!
      if (next < current) throw new Error(`version went back from ${current} to ${next}`)
      current = next
    }
    return won
  },
}

function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000
  while (performance.now() < end);
}

export type SumsJobs = typeof jobs

serve(jobs)
