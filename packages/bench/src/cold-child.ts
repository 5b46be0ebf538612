/**
 * A process that has done nothing yet: it imports a library, makes one map and sets one key, and prints how long each took. Nothing is imported here, so that the
 * loader does all its work inside the measurement.
 */
export interface Cold {
  /** Milliseconds, by the clock or the processor, whichever is less. */
  import: number
  create: number
  set: number
  all: number
  /** The processor's milliseconds from the process's start to its end. */
  process: number
}

const [what] = process.argv.slice(2)

/** Milliseconds since the last call. */
function watch(): () => number {
  let clock = performance.now()
  let cpu = process.cpuUsage()
  return () => {
    const elapsed = performance.now() - clock
    const { user, system } = process.cpuUsage(cpu)
    clock = performance.now()
    cpu = process.cpuUsage()
    return Math.min(elapsed, (user + system) / 1000)
  }
}

const took = watch()
const all = watch()
const times = { import: 0, create: 0, set: 0, all: 0 }
if (what === 'threadmap') {
  const { FastMap, f64, string } = await import('threadmap')
  times.import = took()
  const map = new FastMap({ key: string, value: f64 })
  times.create = took()
  map.set('a', 1)
  times.set = took()
} else if (what === 'lru-cache') {
  const { LRUCache } = await import('lru-cache')
  times.import = took()
  const map = new LRUCache<string, number>({ max: 1000 })
  times.create = took()
  map.set('a', 1)
  times.set = took()
}
times.all = all()
const { user, system } = process.cpuUsage()
const cold: Cold = { ...times, process: (user + system) / 1000 }
console.log(JSON.stringify(cold))
