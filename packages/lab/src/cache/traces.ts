/** Traces for caches: which keys a program asks for, in order. Keys are renumbered from 0, in the order in which they first come. */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UsageError } from '@threadmap/workbench/errors'
import { codeOf } from '@threadmap/workbench/files'
import { indexPicker, random } from '@threadmap/workbench/workload'
import { readTraces, type Trace } from '../trace/format.js'

export interface AccessTrace {
  readonly name: string
  readonly requests: Uint32Array
  /** The number of different keys. */
  readonly distinct: number
}

/** Numbers keys in the order in which they come. */
export class Renumbering {
  readonly #numbers = new Map<string | number, number>()
  #requests = new Uint32Array(2 ** 16)
  #length = 0

  add(key: string | number): void {
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.#numbers.size
      this.#numbers.set(key, number)
    }
    if (this.#length === this.#requests.length) {
      const longer = new Uint32Array(this.#length * 2)
      longer.set(this.#requests)
      this.#requests = longer
    }
    this.#requests[this.#length++] = number
  }

  trace(name: string): AccessTrace {
    return { name, requests: this.#requests.slice(0, this.#length), distinct: this.#numbers.size }
  }
}

/** Requests that a trace needs at least: with fewer, most of the figures is the cache's filling. */
const FEWEST = 100

/**
 * The trace in a file: one key a line, also gzipped (`.gz`), or what `record(map, file)` of this lab wrote, all threads of it. At most `limit`
 * requests are taken. `UsageError` for a file that cannot be read, or has too few requests.
 */
export async function readAccessTrace(file: string, limit = Number.POSITIVE_INFINITY): Promise<AccessTrace> {
  const numbers = new Renumbering()
  let taken = 0
  try {
    const raw = createReadStream(file)
    const text: Readable = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
    raw.on('error', error => text.destroy(error))
    for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (taken === 0 && line.startsWith('{"format":"threadmap-trace"')) return recorded(file, limit)
      if (line === '' || taken >= limit) continue
      numbers.add(line)
      taken++
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(
      `cannot read ${file} (${codeOf(error)}); give a trace with one key a line, gzipped or not, or the file that record(map, file) wrote`,
    )
  }
  return enough(file, numbers, taken)
}

function enough(file: string, numbers: Renumbering, taken: number): AccessTrace {
  if (taken >= FEWEST) return numbers.trace(basename(file))
  throw new UsageError(`${file} has only ${taken} requests, which is too few to judge a cache by (${FEWEST})`)
}

/** Operations that ask for a key or give it a value; `delete` does neither. */
const ASKS = /[^dD]/

function recorded(file: string, limit: number): AccessTrace {
  const traces = readTraces(file)
  const numbers = new Renumbering()
  let taken = 0
  for (const id of merged(traces)) {
    if (taken >= limit) break
    numbers.add(id)
    taken++
  }
  return enough(file, numbers, taken)
}

/** The keys of all threads: each thread's in order, and the threads as if they had been equally busy throughout. */
function* merged(traces: readonly Trace[]): Generator<number> {
  const parts = traces.map(({ ops, ids }) => ids.filter((_, at) => ASKS.test(ops[at])))
  const next = parts.map(() => 0)
  while (true) {
    let first = -1
    for (const [at, part] of parts.entries()) {
      if (next[at] === part.length) continue
      if (first < 0 || next[at] / part.length < next[first] / parts[first].length) first = at
    }
    if (first < 0) return
    yield parts[first][next[first]++]
  }
}

/** The size of a generated trace. */
export interface Extent {
  readonly requests: number
  readonly keys: number
}

/** Generated traces, by the behaviour of caches that each shows. The same seed gives the same trace. */
export const GENERATED: Readonly<Record<string, (extent: Extent, seed: number) => AccessTrace>> = {
  /** Some keys are asked for far more often than others, all the time. */
  zipf: ({ requests, keys }, seed) => {
    const next = random(seed)
    const pick = indexPicker(keys, 0.9, next)
    return made('zipf 0.9', requests, () => pick())
  },
  /** The same, and now and then a scan over keys that are asked for once: they should not displace the others. */
  scans: ({ requests, keys }, seed) => {
    const next = random(seed)
    const pick = indexPicker(keys, 0.9, next)
    let scan = 0
    let cold = keys
    return made('zipf 0.9 with scans', requests, () => {
      if (scan > 0) {
        scan--
        return cold++
      }
      if (next() < 4 / keys) scan = keys / 8
      return pick()
    })
  },
  /** A loop over more keys than the cache holds, beside hot keys: LRU evicts each key just before it is asked for. */
  loop: ({ requests, keys }, seed) => {
    const next = random(seed)
    const pick = indexPicker(Math.ceil(keys / 8), 0.9, next)
    let at = 0
    return made('loop beside zipf', requests, () => (next() < 0.5 ? pick() : keys + (at++ % keys)))
  },
  /** The keys that are hot change all the time, and the newest are the hottest: a cache has to forget. */
  shifting: ({ requests, keys }, seed) => {
    const next = random(seed)
    const window = Math.ceil(keys / 8)
    const pick = indexPicker(window, 0.7, next)
    let count = 0
    return made('shifting set', requests, () => {
      const newest = window + Math.floor((count++ / requests) * (keys - window))
      return newest - pick()
    })
  },
}

function made(name: string, requests: number, next: () => number): AccessTrace {
  const numbers = new Renumbering()
  for (let i = 0; i < requests; i++) numbers.add(next())
  return numbers.trace(name)
}
