import { UsageError } from '@threadmap/workbench/errors'
import type { Context, Experiment, Outcome, Settings } from '@threadmap/workbench/experiment'
import { InvalidArgumentError, Option } from 'commander'
import { bestRatio, hitRatio, POLICY_MAKERS } from '../../cache/simulate.js'
import { type AccessTrace, type Extent, GENERATED, readAccessTrace } from '../../cache/traces.js'
import { outcomeOf, type Replayed } from './outcome.js'
import { replayTrace } from './replay.js'

/** The generated traces of a run without a trace of the user's, and the effort. Every request through messages takes as long as many hits. */
const EFFORT = {
  quick: { traces: ['zipf', 'scans'], extent: { requests: 40_000, keys: 8_000 }, rounds: 2, mostMessages: 4_000 },
  full: {
    traces: Object.keys(GENERATED),
    extent: { requests: 400_000, keys: 40_000 },
    rounds: 5,
    mostMessages: 20_000,
  },
} as const satisfies Record<string, { traces: readonly string[]; extent: Extent; rounds: number; mostMessages: number }>

/** With one thread nothing is shared; four are a small server. */
const THREADS = [1, 4]
/** Without a flag a cache holds a tenth of the different keys. */
const SHARE = 0.1
const VALUE_BYTES = 100
/** A replay of more requests takes long and shows no more. */
const MOST_REQUESTS = 2_000_000

export const cache: Experiment = {
  name: 'cache',
  title: 'One cache for all threads, or one in each?',
  method:
    'Threads replay a trace: they take requests in turn, look each key up, and after a miss make a value and set it. SharedCache is beside one lru-cache per thread with equal parts of as much ' +
    'memory as SharedCache takes (measured in a replay before the rounds), and one lru-cache behind messages, which is asked for one key at a time. Caches are empty when a round begins; the caches take turns. One request in eight is timed, with ' +
    'what its miss needs. Hit ratios of LRU, SIEVE, S3-FIFO, W-TinyLFU and the optimum are simulated for one cache of all entries. Messages get the first requests of a trace only, and the hit ratio of the simulated LRU.',
  seconds: { quick: 8, full: 150 },
  flags: [
    new Option(
      '--cache-trace <file>',
      'cache: a trace of yours, one key a line (also .gz), or recorded with record(map, file)',
    ),
    new Option('--cache-capacity <entries>', 'cache: how many entries the caches of a subject hold in all').argParser(
      whole(1, 2 ** 24),
    ),
    new Option('--cache-value <bytes>', `cache: the length of the values (default: ${VALUE_BYTES})`).argParser(
      whole(8, 2 ** 20),
    ),
  ],
  check: async settings => {
    const file = traceFileOf(settings)
    // Reads all of it: a file that is no trace is refused before other experiments run.
    if (file !== undefined) await readAccessTrace(file, 1000)
  },
  run,
}

function whole(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
  }
}

function traceFileOf({ flags }: Settings): string | undefined {
  return flags.cacheTrace as string | undefined
}

async function tracesOf(context: Context): Promise<AccessTrace[]> {
  const { traces, extent } = EFFORT[context.quick ? 'quick' : 'full']
  const file = traceFileOf(context)
  if (file === undefined) return traces.map(name => GENERATED[name](extent, context.seed))
  return [await readAccessTrace(file, context.quick ? extent.requests : MOST_REQUESTS)]
}

async function run(context: Context): Promise<Outcome> {
  const { rounds, mostMessages } = EFFORT[context.quick ? 'quick' : 'full']
  const traces = await tracesOf(context)
  const capacityFlag = context.flags.cacheCapacity as number | undefined
  const valueBytes = (context.flags.cacheValue as number | undefined) ?? VALUE_BYTES
  const steps = traces.length * THREADS.length * rounds * 3
  let step = 0
  const replayed: Replayed[] = []
  for (const trace of traces) {
    const capacity = capacityFlag ?? Math.max(1, Math.floor(trace.distinct * SHARE))
    if (capacity < Math.max(...THREADS)) {
      throw new UsageError(
        `a cache of ${capacity} entries cannot be divided among ${Math.max(...THREADS)} threads; give --cache-capacity`,
      )
    }
    const simulated: Record<string, number> = {}
    for (const [name, make] of Object.entries(POLICY_MAKERS)) {
      simulated[name] = hitRatio(trace.requests, capacity, make)
      context.signal.throwIfAborted()
    }
    simulated.optimum = bestRatio(trace.requests, capacity)
    for (const threads of THREADS) {
      const { found, splitCapacity } = await replayTrace(trace, {
        threads,
        capacity,
        valueBytes,
        rounds,
        mostMessages,
        signal: context.signal,
        onRound: doing => context.progress(step++ / steps, `${trace.name}, ${threads} threads, ${doing}`),
      })
      if (trace.requests.length > mostMessages) {
        found['lru-cache behind messages'] = found['lru-cache behind messages'].map(round => ({
          ...round,
          hitRatio: simulated.LRU,
          backendCalls: Math.round((trace.requests.length * (100 - simulated.LRU)) / 100),
        }))
      }
      replayed.push({
        trace: { name: trace.name, requests: trace.requests.length, distinct: trace.distinct },
        capacity,
        splitCapacity,
        valueBytes,
        threads,
        found,
        simulated,
      })
    }
  }
  return outcomeOf(replayed)
}
