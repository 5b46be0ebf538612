/** What one thread keeps of a shared metric: the keys of the series that it knows, so that recording puts no strings together. */
import { type Cells, type Definition, keyOf, type Labels } from './cells.js'
import { bucketOf } from './sketch.js'
import { ALL, BUCKET, isTooOld, SKETCH, SUM, timeNow, VALUE } from './values.js'

interface Known {
  readonly series: string
  readonly value: string
  readonly sum: string
  readonly buckets: readonly string[]
}

export class Recorder {
  readonly definition: Definition
  readonly cells: Cells
  readonly #sorted: readonly string[]
  readonly #bounds: readonly number[]
  readonly #known = new Map<string, Known>()
  #removals: number
  #time: number | undefined

  constructor(cells: Cells, definition: Definition) {
    cells.define(definition)
    this.cells = cells
    this.definition = definition
    this.#sorted = [...definition.labelNames].sort()
    this.#bounds = definition.buckets ?? []
    this.#removals = cells.removals
    // A metric without labels is shown before anything is recorded.
    if (definition.labelNames.length === 0) this.#at({})
  }

  add(labels: Labels, value: number): void {
    this.cells.add(this.#at(labels).value, value)
  }

  set(labels: Labels, value: number): void {
    this.cells.set(this.#at(labels).value, value)
  }

  value(labels: Labels): number {
    return this.cells.get(keyOf(VALUE, this.definition.name, this.#seriesOf(labels)))
  }

  /** Records a value of a histogram. The bucket comes first: it is what counts. */
  observe(labels: Labels, value: number): void {
    const { buckets, sum } = this.#at(labels)
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > bounds[i]) i++
    this.cells.add(buckets[i], 1)
    this.cells.add(sum, value)
  }

  /** Records a value of a summary. */
  sketch(labels: Labels, value: number): void {
    const { name } = this.definition
    const { series, sum } = this.#at(labels)
    const bucket = bucketOf(value)
    const time = timeNow(this.definition)
    if (time !== undefined) {
      if (time !== this.#time) this.#removeOld(time)
      this.cells.add(keyOf(`${SKETCH}${time}:${bucket}`, name, series), 1)
    }
    this.cells.add(keyOf(`${SKETCH}${ALL}:${bucket}`, name, series), 1)
    this.cells.add(sum, value)
  }

  /** Makes a series of a histogram known, with all numbers 0. */
  zero(labels: Labels): void {
    this.cells.remove(this.definition.name, this.#seriesOf(labels), false)
    this.#at(labels)
  }

  remove(labels: Labels): void {
    this.cells.remove(this.definition.name, this.#seriesOf(labels), true)
  }

  reset(): void {
    const { name, type, labelNames } = this.definition
    // As prom-client: a summary keeps its series, the others forget them, and only histograms forget the one without labels.
    this.cells.remove(name, undefined, type !== 'summary')
    if (labelNames.length === 0 && type !== 'histogram') this.#at({})
  }

  #removeOld(time: number): void {
    const isFirst = this.#time === undefined
    this.#time = time
    if (isFirst) return
    this.cells.remove(this.definition.name, undefined, false, field => isTooOld(this.definition, field))
  }

  #seriesOf(labels: Labels): string {
    let series = ''
    for (const name of this.#sorted) {
      const value = labels[name]
      if (value !== undefined) series += `${name}:${value},`
    }
    return series
  }

  #at(labels: Labels): Known {
    const { removals } = this.cells
    if (removals !== this.#removals) {
      this.#removals = removals
      this.#known.clear()
    }
    const series = this.#seriesOf(labels)
    const known = this.#known.get(series)
    return known ?? this.#learn(series, labels)
  }

  #learn(series: string, labels: Labels): Known {
    const { name, type } = this.definition
    this.cells.addSeries(name, series, labels)
    const known: Known = {
      series,
      value: keyOf(VALUE, name, series),
      sum: keyOf(SUM, name, series),
      buckets: type === 'histogram' ? [...this.#bounds, 0].map((_, i) => keyOf(BUCKET + i, name, series)) : [],
    }
    this.#known.set(series, known)
    return known
  }
}
