/**
 * Measures each part of a read alone, in a process of its own: `node packages/bench/dist/parts.js`, after a
 * build. Its purpose is to find the limit of `get`; run.ts compares subjects.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { spread } from '@threadmap/workbench/statistics'
import { id, readOrder, DEFAULT_SEED as SEED, userKeys } from '@threadmap/workbench/workload'
import { FastMap, f64, string } from 'threadmap'

const KEYS = 4096
const ROUNDS = 7
const KEY_AREA = 0

/** Makes a function that passes over all keys and returns a sum, so that V8 cannot drop a part. */
type Part = () => () => number

const names = userKeys(KEYS)
const order = readOrder(KEYS, SEED)
const sequence = Array.from(order, i => names[i])
const value = (i: number): number => i + 0.5

function filled(cache: number): FastMap<string, number> {
  const map = new FastMap({ key: string, value: f64, capacity: KEYS, cache })
  names.forEach((name, i) => {
    map.set(name, value(i))
  })
  return map
}

function over<T>(items: readonly T[], read: (item: T) => number | undefined): () => number {
  return () => {
    let sum = 0
    for (let i = 0; i < items.length; i++) sum += read(items[i])!
    return sum
  }
}

const parts: Record<string, Part> = {
  'Map.get': () => {
    const map = new Map(names.map((name, i) => [name, value(i)]))
    return over(sequence, name => map.get(name))
  },
  'the loop over the characters, into shared memory': () => {
    const { scratch } = filled(0).session
    return over(sequence, name => string.write(scratch, KEY_AREA, name))
  },
  'a call into the kernel that only loads a word': () => {
    const { kernel } = filled(0).session
    return over(sequence, () => kernel.areaAt(KEY_AREA))
  },
  "the kernel's look at a key that stands there": () => {
    const { kernel, scratch } = filled(0).session
    const meta = string.write(scratch, KEY_AREA, names[7])
    return over(sequence, () => kernel.getNumber(meta))
  },
  'characters and look': () => {
    const { kernel, scratch } = filled(0).session
    return over(sequence, name => kernel.getNumber(string.write(scratch, KEY_AREA, name)))
  },
  'FastMap.get': () => {
    const map = filled(0)
    return over(sequence, name => map.get(name))
  },
  'FastMap.get with cache': () => {
    const map = filled(KEYS)
    return over(sequence, name => map.get(name))
  },
  'Map.get, numbers': () => {
    const map = new Map(Array.from(order, i => [id(i), value(i)]))
    return over(
      Array.from(order, i => id(i)),
      key => map.get(key),
    )
  },
  "the kernel's look, numbers": () => {
    const map = new FastMap({ key: f64, value: f64, capacity: KEYS })
    for (const i of order) map.set(id(i), value(i))
    const { kernel } = map.session
    return over(
      Array.from(order, i => id(i)),
      key => kernel.getNumberAt(key),
    )
  },
  'FastMap.get, numbers': () => {
    const map = new FastMap({ key: f64, value: f64, capacity: KEYS })
    for (const i of order) map.set(id(i), value(i))
    return over(
      Array.from(order, i => id(i)),
      key => map.get(key),
    )
  },
}

/** Nanoseconds per key of the fastest of many passes, which is the time of the code without disturbances of the machine. */
function measure(part: Part): number {
  const pass = part()
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 200; i++) {
    const start = performance.now()
    if (Number.isNaN(pass())) throw new Error('a key that is in the map was not found')
    best = Math.min(best, performance.now() - start)
  }
  return (best * 1e6) / KEYS
}

const [only] = process.argv.slice(2)
if (only !== undefined) {
  console.log(measure(parts[only]))
} else {
  const found = new Map(Object.keys(parts).map(name => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, figures] of found) {
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { encoding: 'utf8' })
      figures.push(Number(stdout))
    }
  }
  for (const [name, figures] of found) {
    const { median, low, high } = spread(figures)
    console.log(`${name.padEnd(50)} ${median.toFixed(1).padStart(6)} ns (${low.toFixed(1)} to ${high.toFixed(1)})`)
  }
}
