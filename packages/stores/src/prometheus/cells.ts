/**
 * The shared memory of a registry: a map of numbers, one for each value of each series, and a map of what the metrics and their series are called. Recording is
 * an atomic addition to one number, or two; a thread that dies leaves what it recorded, and holds nothing.
 */
import { FastMap, f64, json, type MapHandle, string } from 'threadmap'

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary'
export type Labels = Record<string, string | number>

/** What a metric is; equal in all threads that have it. */
export interface Definition {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly labelNames: readonly string[]
  readonly aggregator: string
  /** Histograms: the upper bounds. */
  readonly buckets?: readonly number[]
  /** Summaries. */
  readonly percentiles?: readonly number[]
  readonly maxAgeSeconds?: number
  readonly ageBuckets?: number
  readonly pruneAgedBuckets?: boolean
}

/** A definition or a series, with its turn: prom-client shows them in the order in which they came. */
interface Entry {
  readonly turn: number
  readonly definition?: Definition
  readonly labels?: Labels
}

/** A series as it was read: its labels, and its numbers by the names of their fields. */
export interface Series {
  readonly labels: Labels
  readonly turn: number
  readonly fields: Map<string, number>
}

/** What a registry holds at one moment: the series of each metric, in their order. */
export interface Snapshot {
  readonly definitions: readonly Definition[]
  readonly series: ReadonlyMap<string, readonly Series[]>
}

/** The way to a registry for another thread. Structured-cloneable. */
export interface CellsHandle {
  readonly names: MapHandle<string, unknown>
  readonly numbers: MapHandle<string, number>
  readonly words: SharedArrayBuffer
}

/** The words: the next turn, and how often series were removed. */
const TURN = 0
const REMOVALS = 1
const WORDS = 2

// Keys are made of names, fields and the labels of a series, in this order with a zero character between them: names and fields have none.
const METRIC = 'm\0'
const SERIES = 's\0'

export class Cells {
  readonly #names: FastMap<string, Entry>
  readonly #numbers: FastMap<string, number>
  readonly #words: Int32Array

  constructor(handle?: CellsHandle) {
    if (handle === undefined) {
      this.#names = new FastMap({ key: string, value: json<Entry>() })
      this.#numbers = new FastMap({ key: string, value: f64 })
      this.#words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT))
    } else {
      this.#names = FastMap.attach(handle.names as MapHandle<string, Entry>)
      this.#numbers = FastMap.attach(handle.numbers)
      this.#words = new Int32Array(handle.words)
    }
  }

  get handle(): CellsHandle {
    const words = this.#words.buffer as SharedArrayBuffer
    return { names: this.#names.handle, numbers: this.#numbers.handle, words }
  }

  /** How often series were removed, by any thread: what a thread knows of series holds until this changes. */
  get removals(): number {
    return Atomics.load(this.#words, REMOVALS)
  }

  /** Makes a metric known to all threads. Throws if another thread has one of this name that is not the same. */
  define(definition: Definition): void {
    const entry = this.#names.getOrInsert(METRIC + definition.name, { turn: this.#turn(), definition })
    const known = JSON.stringify(entry.definition)
    const wanted = JSON.stringify(definition)
    if (known === wanted) return
    throw new Error(
      `A metric with the name ${definition.name} has already been registered by another thread, as ${known}; here it is ${wanted}.`,
    )
  }

  /** Makes a series known to all threads. */
  addSeries(metric: string, series: string, labels: Labels): void {
    const key = `${SERIES}${metric}\0${series}`
    if (!this.#names.has(key)) this.#names.getOrInsert(key, { turn: this.#turn(), labels })
  }

  add(key: string, value: number): void {
    this.#numbers.add(key, value)
  }

  set(key: string, value: number): void {
    this.#numbers.set(key, value)
  }

  get(key: string): number {
    return this.#numbers.get(key) ?? 0
  }

  /** Removes the numbers of a metric, or of one of its series, for which `chosen` says so by their fields; `forget`: the series as well. */
  remove(
    metric: string,
    series: string | undefined,
    forget: boolean,
    chosen: (field: string) => boolean = () => true,
  ): void {
    const isMeant = (rest: string) =>
      series === undefined ? rest.startsWith(`${metric}\0`) : rest === `${metric}\0${series}`
    if (forget) {
      for (const key of this.#names.keys()) {
        if (key.startsWith(SERIES) && isMeant(key.slice(SERIES.length))) this.#names.delete(key)
      }
    }
    for (const key of this.#numbers.keys()) {
      const end = key.indexOf('\0')
      if (isMeant(key.slice(end + 1)) && chosen(key.slice(0, end))) this.#numbers.delete(key)
    }
    if (forget) Atomics.add(this.#words, REMOVALS, 1)
  }

  /** Removes a metric and all of its series. */
  removeMetric(metric: string): void {
    this.#names.delete(METRIC + metric)
    this.remove(metric, undefined, true)
  }

  /** Everything, by one walk over both maps; O(numbers). What is recorded meanwhile is in it or not. */
  snapshot(): Snapshot {
    const definitions: { turn: number; definition: Definition }[] = []
    const series = new Map<string, Series[]>()
    const byKey = new Map<string, Series>()
    for (const [key, { turn, definition, labels = {} }] of this.#names) {
      if (definition !== undefined) {
        definitions.push({ turn, definition })
        continue
      }
      const rest = key.slice(SERIES.length)
      const metric = rest.slice(0, rest.indexOf('\0'))
      const found: Series = { labels, turn, fields: new Map() }
      byKey.set(rest, found)
      series.set(metric, [...(series.get(metric) ?? []), found])
    }
    for (const [key, value] of this.#numbers) {
      const end = key.indexOf('\0')
      byKey.get(key.slice(end + 1))?.fields.set(key.slice(0, end), value)
    }
    for (const each of series.values()) each.sort((a, b) => a.turn - b.turn)
    definitions.sort((a, b) => a.turn - b.turn)
    return { definitions: definitions.map(({ definition }) => definition), series }
  }

  [Symbol.dispose](): void {
    this.#names[Symbol.dispose]()
    this.#numbers[Symbol.dispose]()
  }

  #turn(): number {
    return Atomics.add(this.#words, TURN, 1)
  }
}

/** The key of a number of a series. */
export function keyOf(field: string, metric: string, series: string): string {
  return `${field}\0${metric}\0${series}`
}
