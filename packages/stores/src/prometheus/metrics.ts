/** prom-client's four kinds of metric, recording into a `SharedRegistry`. The classes, their options and methods are prom-client's; what they change is where numbers are kept. */
import { format, inspect } from 'node:util'
import * as prom from 'prom-client'
import { OptionError } from 'threadmap'
import type { Definition, Labels, MetricType } from './cells.js'
import { Recorder } from './recorder.js'
import { SharedRegistry } from './registry.js'

type AnyMetric = prom.Counter | prom.Gauge | prom.Histogram | prom.Summary

/** The fields of prom-client's metrics that its types do not have. */
interface Fields {
  name: string
  help: string
  labelNames: readonly string[]
  aggregator: string
  registers: prom.Registry[]
  enableExemplars: boolean
  collect?: () => unknown
  percentiles?: readonly number[]
  maxAgeSeconds?: number
  ageBuckets?: number
  pruneAgedBuckets?: boolean
}

export class Counter<T extends string = string> extends prom.Counter<T> {
  /** `OptionError` without a `SharedRegistry` among `registers`, and for exemplars. An Error if another thread has made another metric of this name. */
  constructor(configuration: prom.CounterConfiguration<T>) {
    super(configuration)
    const recorder = shared(this, 'counter', {})
    const inc = (first?: Labels | number | null, second?: number) => {
      const [labels, value] = isObject(first) ? [checked(recorder, first), second] : [{}, first]
      if (value && !Number.isFinite(value)) throw new TypeError(`Value is not a valid number: ${format(value)}`)
      if ((value ?? 0) < 0) throw new Error('It is not possible to decrease a counter')
      recorder.add(labels, value ?? 1)
    }
    this.inc = inc as typeof this.inc
  }
}

export class Gauge<T extends string = string> extends prom.Gauge<T> {
  /** As that of `Counter`. */
  constructor(configuration: prom.GaugeConfiguration<T>) {
    super(configuration)
    const recorder = shared(this, 'gauge', {})
    const set = (first: Labels | number, second?: number) => {
      const [labels, value] = isObject(first) ? [first, second] : [{}, first]
      if (typeof value !== 'number') throw new TypeError(`Value is not a valid number: ${format(value)}`)
      recorder.set(checked(recorder, labels), value)
    }
    const add = (sign: number) => (first?: Labels | number, second?: number) => {
      const [labels, value = 1] = isObject(first) ? [first, second] : [{}, first]
      if (typeof value !== 'number') throw new TypeError(`Delta is not a valid number: ${format(value)}`)
      recorder.add(checked(recorder, labels), sign * value)
    }
    this.set = set as typeof this.set
    this.inc = add(1) as typeof this.inc
    this.dec = add(-1) as typeof this.dec
    Object.assign(this, { _getValue: (labels?: Labels) => recorder.value(labels ?? {}) })
  }
}

export class Histogram<T extends string = string> extends prom.Histogram<T> {
  /** As that of `Counter`. */
  constructor(configuration: prom.HistogramConfiguration<T>) {
    super(configuration)
    const { upperBounds } = this as unknown as { upperBounds: readonly number[] }
    const recorder = shared(this, 'histogram', { buckets: upperBounds })
    observing(this, recorder, (labels, value) => recorder.observe(labels, value))
    this.zero = labels => recorder.zero(labels as Labels)
  }
}

/** The quantiles are off by at most 1% of themselves, and do not depend on which thread observed what. `compressCount` is not needed. */
export class Summary<T extends string = string> extends prom.Summary<T> {
  /** As that of `Counter`. */
  constructor(configuration: prom.SummaryConfiguration<T>) {
    super(configuration)
    const { percentiles, maxAgeSeconds, ageBuckets, pruneAgedBuckets } = this as unknown as Required<Fields>
    const given = { percentiles, maxAgeSeconds, ageBuckets, pruneAgedBuckets }
    // What is undefined is nothing that the threads can differ in.
    const recorder = shared(this, 'summary', JSON.parse(JSON.stringify(given)))
    observing(this, recorder, (labels, value) => recorder.sketch(labels, value))
  }
}

/** Makes a metric of prom-client one of its shared registry. */
function shared(metric: AnyMetric, type: MetricType, more: Partial<Definition>): Recorder {
  const { name, help, labelNames, aggregator, registers, enableExemplars, collect } = metric as unknown as Fields
  const registry = registers.find(each => each instanceof SharedRegistry) as SharedRegistry | undefined
  if (registry === undefined) {
    throw new OptionError(
      `the metric ${name} needs a SharedRegistry: new ${metric.constructor.name}({ registers: [registry] })`,
    )
  }
  if (enableExemplars) throw new OptionError(`the metric ${name}: a SharedRegistry keeps no exemplars`)
  const recorder = new Recorder(registry.cells, { name, help, type, labelNames, aggregator, ...more })
  registry.own(recorder, collect?.bind(metric))
  const show = (splay: boolean) => () => registry.show(name, (metric as unknown as Fields).name, splay)
  Object.assign(metric, {
    get: show(true),
    getForPromString: show(false),
    reset: () => recorder.reset(),
    remove: (...args: unknown[]) => recorder.remove(checked(recorder, labelsOf(recorder, args))),
  })
  return recorder
}

/** The methods that histograms and summaries have in common. */
function observing(
  metric: prom.Histogram | prom.Summary,
  recorder: Recorder,
  record: (labels: Labels, value: number) => void,
): void {
  const observe = (labels: Labels, value: unknown) => {
    checked(recorder, labels)
    if (!Number.isFinite(value)) throw new TypeError(`Value is not a valid number: ${format(value)}`)
    record(labels, value as number)
  }
  const timer = (labels?: Labels) => {
    const start = process.hrtime()
    return (more?: Labels) => {
      const [seconds, nanoseconds] = process.hrtime(start)
      const value = seconds + nanoseconds / 1e9
      observe({ ...labels, ...more }, value)
      return value
    }
  }
  Object.assign(metric, {
    observe: (first: Labels | number, second?: number) => {
      if (isObject(first)) observe(first, second)
      else observe({}, first ?? second)
    },
    startTimer: timer,
    labels: (...args: unknown[]) => {
      const labels = checked(recorder, labelsOf(recorder, args))
      return { observe: (value: number) => observe(labels, value), startTimer: () => timer(labels) }
    },
  })
}

function isObject(value: unknown): value is Labels {
  return value !== null && typeof value === 'object'
}

/** The labels of a call that has them as an object, or their values in order. */
function labelsOf({ definition: { labelNames } }: Recorder, args: readonly unknown[]): Labels {
  if (isObject(args[0])) return args[0]
  if (labelNames.length !== args.length) {
    throw new Error(
      `Invalid number of arguments (${args.length}): "${args.join(', ')}" for label names (${labelNames.length}): "${labelNames.join(', ')}".`,
    )
  }
  return Object.fromEntries(labelNames.map((name, i) => [name, args[i] as string | number]))
}

/** The labels, if the metric has them all. */
function checked({ definition: { labelNames } }: Recorder, labels: Labels): Labels {
  for (const label in labels) {
    if (!labelNames.includes(label)) {
      throw new Error(`Added label "${label}" is not included in initial labelset: ${inspect(labelNames)}`)
    }
  }
  return labels
}
