/**
 * `npm run soak`: real workers at work for minutes, terminated at random moments, under every map; and their histories
 * judged. See docs/trust.md.
 *
 *   --minutes N   how long in all (default 10)
 *   --only MAP    one map, or several with commas between
 *   --part PART   deaths, counters, histories or fatal-histories, or several
 *   --seed N      of the first episode; the next ones count on from there
 */
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { MapKind } from 'threadmap'
import { ALL_KINDS } from '../support/kinds.js'
import { Random } from '../support/random.js'
import { PARTS, type PartName, type Tally } from './parts.js'

/** The main thread hears of deaths, so it must never stand still. Scheduling alone does not stop it for this long. */
const STANDSTILL_MS = 60_000
const LINE_EVERY_MS = 10_000

class UsageError extends Error {}

function choose<T extends string>(given: string | undefined, from: readonly T[], what: string): readonly T[] {
  if (given === undefined) return from
  return given.split(',').map(name => {
    const found = from.find(candidate => candidate === name)
    if (found === undefined) throw new UsageError(`--${what} takes ${from.join(', ')}, and got ${name}`)
    return found
  })
}

function natural(given: string, what: string): number {
  const value = Number(given)
  if (given.trim() === '' || !(value >= 0)) throw new UsageError(`--${what} takes a number, and got ${given}`)
  return value
}

/** Ends the process when the main thread's event loop stands still, which only another thread can do: the code runs in a worker. */
function watchdog(pulse: Int32Array): void {
  const code = `
    const { workerData } = require('node:worker_threads')
    const { writeSync } = require('node:fs')
    let last = -1, since = Date.now()
    setInterval(() => {
      const now = Atomics.load(workerData.pulse, 0)
      if (now !== last) { last = now; since = Date.now() }
      else if (Date.now() - since > ${STANDSTILL_MS}) {
        writeSync(2, 'soak: FAULT: the main thread stands still for ${STANDSTILL_MS} ms, in the episode of seed ' + Atomics.load(workerData.pulse, 1) + '\\n')
        process.kill(process.pid, 'SIGKILL')
      }
    }, 500)`
  new Worker(code, { eval: true, workerData: { pulse } }).unref()
  setInterval(() => Atomics.add(pulse, 0, 1), 200).unref()
}

function fresh(): Tally {
  return { episodes: 0, deaths: 0, recoveries: 0, operations: 0, pending: 0, overlaps: 0, unknown: 0 }
}

function line(kind: string, tally: Tally): string {
  return (
    `${kind.padEnd(11)} ${String(tally.episodes).padStart(5)} episodes ${String(tally.deaths).padStart(6)} terminated` +
    ` ${String(tally.recoveries).padStart(5)} locks taken over ${String(tally.operations).padStart(9)} operations judged` +
    ` (${tally.overlaps} overlapping, ${tally.pending} cut off, ${tally.unknown} histories undecided)`
  )
}

async function soak(): Promise<number> {
  const { values: given } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      only: { type: 'string' },
      part: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  })
  const kinds = choose<MapKind>(given.only, ALL_KINDS, 'only')
  const parts = choose(given.part, Object.keys(PARTS) as PartName[], 'part')
  const minutes = natural(given.minutes, 'minutes')
  const first = natural(given.seed, 'seed') >>> 0

  const pulse = new Int32Array(new SharedArrayBuffer(8))
  watchdog(pulse)
  const tallies = new Map(kinds.map(kind => [kind, fresh()]))
  console.log(`soak: ${minutes} minutes, ${kinds.join(', ')}: ${parts.join(', ')}; seed ${first}`)
  const began = performance.now()
  let told = began
  for (let episode = 0; performance.now() - began < minutes * 60_000; episode++) {
    const seed = (first + episode) >>> 0
    const kind = kinds[episode % kinds.length]!
    const part = parts[Math.floor(episode / kinds.length) % parts.length]!
    Atomics.store(pulse, 1, seed)
    try {
      await PARTS[part](kind, new Random(seed), tallies.get(kind)!)
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
      console.error(`soak: FAULT in ${part} of ${kind}, episode ${episode}:\n${message}`)
      console.error(
        `soak: to repeat it: npm run soak -- --only ${kind} --part ${part} --seed ${seed}\n` +
          'soak: the seed repeats what the threads do; when they do it is up to the machine, so let it run for some minutes',
      )
      return 1
    }
    tallies.get(kind)!.episodes++
    if (performance.now() - told > LINE_EVERY_MS) {
      told = performance.now()
      const deaths = [...tallies.values()].reduce((sum, tally) => sum + tally.deaths, 0)
      const seconds = Math.round((told - began) / 1000)
      console.log(`soak: ${seconds} s, ${episode + 1} episodes, ${deaths} workers terminated; last: ${part} of ${kind}`)
    }
  }
  for (const [kind, tally] of tallies) console.log(line(kind, tally))
  console.log('soak: no fault')
  return 0
}

try {
  process.exit(await soak())
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error
  console.error(`soak: ${error.message}`)
  process.exit(2)
}
