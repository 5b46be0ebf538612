/** A registry of prom-client whose metrics all threads share. */

import type * as prom from 'prom-client'
import { type MetricObject, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import { AttachError } from 'threadmap'
import { checkPeer } from '../peer.js'
import { Cells, type CellsHandle, type Definition, type Snapshot } from './cells.js'
import type { Recorder } from './recorder.js'
import { type Value, valuesOf } from './values.js'

/** The way to a registry for another thread. Structured-cloneable. */
export interface SharedRegistryHandle {
  readonly kind: 'SharedRegistry'
  readonly cells: CellsHandle
}

/** A metric in the shape in which prom-client's registry takes it. */
interface Shown {
  name: string
  help: string
  type: string
  aggregator: string
  values: Value[]
}

/**
 * A `Registry` whose metrics are of all threads together: any thread that answers a scrape answers for all, those that have ended included. Metrics are those
 * of this module (`Counter`, `Gauge`, `Histogram`, `Summary`), made in each thread that records, with equal configurations. A metric of prom-client's own
 * classes stays the thread's own, and is shown by this thread only.
 */
export class SharedRegistry<
  ContentType extends prom.RegistryContentType = prom.PrometheusContentType,
> extends Registry<ContentType> {
  readonly #cells: Cells
  /** The shared metrics that this thread has, by name. */
  readonly #own = new Map<string, { recorder: Recorder; collect: (() => unknown) | undefined }>()
  /** What is shown, while prom-client asks one metric after the other. */
  #shown: Snapshot | undefined

  /** `PeerVersionError` for another prom-client than this module was built for. */
  constructor(contentType?: ContentType, handle?: SharedRegistryHandle) {
    checkPeer('prom-client')
    // The constructor takes a content type, of which its declaration says nothing.
    super(...([contentType] as unknown as []))
    this.#cells = new Cells(handle?.cells)
  }

  /** The registry of a handle that another thread sent. `AttachError` for another value. */
  static attach<ContentType extends prom.RegistryContentType = prom.PrometheusContentType>(
    handle: SharedRegistryHandle,
    contentType?: ContentType,
  ): SharedRegistry<ContentType> {
    if (typeof handle !== 'object' || handle === null || handle.kind !== 'SharedRegistry') {
      throw new AttachError(`SharedRegistry.attach() takes the handle of a SharedRegistry, and got ${String(handle)}`)
    }
    return new SharedRegistry(contentType, handle)
  }

  /** Send the handle to another thread, which calls `SharedRegistry.attach` with it. */
  get handle(): SharedRegistryHandle {
    return { kind: 'SharedRegistry', cells: this.#cells.handle }
  }

  /** @internal */
  get cells(): Cells {
    return this.#cells
  }

  /** @internal Takes part in what this thread shows. */
  own(recorder: Recorder, collect: (() => unknown) | undefined): void {
    this.#own.set(recorder.definition.name, { recorder, collect })
  }

  /** @internal What a metric of this thread answers when it is asked by itself. */
  async show(name: string, shownName: string, splay: boolean): Promise<Shown> {
    let snapshot = this.#shown
    if (snapshot === undefined) {
      const pending = this.#own.get(name)?.collect?.()
      if (pending instanceof Promise) await pending
      snapshot = this.#cells.snapshot()
    }
    const definition = snapshot.definitions.find(each => each.name === name)
    const { help = '', type = 'counter', aggregator = 'sum' } = definition ?? {}
    const values = definition === undefined ? [] : valuesOf(definition, snapshot)
    return { name: shownName, help, type, aggregator, values: splay ? values.map(splayed) : values }
  }

  override async metrics(): Promise<string> {
    return this.#showing(() => super.metrics())
  }

  override async getMetricsAsJSON(): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
    return this.#showing(() => super.getMetricsAsJSON())
  }

  /** The shared metrics of all threads in the order in which they were first made, then this thread's own. */
  override getMetricsAsArray(): MetricObject[] {
    const { definitions } = this.#shown ?? this.#cells.snapshot()
    const own = super.getMetricsAsArray().filter(({ name }) => !this.#isShared(name))
    return [...definitions.map(definition => new Seen(this, definition) as unknown as MetricObject), ...own]
  }

  override getSingleMetric<T extends string>(name: string): prom.Metric<T> | undefined {
    const own = super.getSingleMetric<T>(name)
    return own ?? (this.#seen(name) as unknown as prom.Metric<T> | undefined)
  }

  override getSingleMetricAsString(name: string): Promise<string> {
    const seen = super.getSingleMetric(name) === undefined ? this.#seen(name) : undefined
    if (seen === undefined) return super.getSingleMetricAsString(name)
    return (this as unknown as { getMetricsAsString(metric: unknown): Promise<string> }).getMetricsAsString(seen)
  }

  /** Removes a metric, in all threads. */
  override removeSingleMetric(name: string): void {
    super.removeSingleMetric(name)
    if (this.#own.delete(name) || this.#seen(name) !== undefined) this.#cells.removeMetric(name)
  }

  /** Removes all metrics, in all threads. */
  override clear(): void {
    super.clear()
    this.#own.clear()
    for (const { name } of this.#cells.snapshot().definitions) this.#cells.removeMetric(name)
  }

  /** Resets all metrics: those of all threads, and this thread's own. */
  override resetMetrics(): void {
    super.resetMetrics()
    for (const definition of this.#cells.snapshot().definitions) {
      if (!this.#own.has(definition.name)) new Seen(this, definition).reset()
    }
  }

  /** Gives up this thread's place. The other threads go on. */
  [Symbol.dispose](): void {
    this.#cells[Symbol.dispose]()
  }

  /** prom-client asks all metrics before it waits for one, so they all answer from one snapshot. */
  async #showing<T>(ask: () => Promise<T>): Promise<T> {
    await Promise.all([...this.#own.values()].map(({ collect }) => collect?.()))
    this.#shown = this.#cells.snapshot()
    try {
      const asked = ask()
      this.#shown = undefined
      return await asked
    } finally {
      this.#shown = undefined
    }
  }

  #isShared(name: string): boolean {
    // A counter's name lost its `_total` where OpenMetrics was shown.
    return this.#own.has(name) || this.#own.has(`${name}_total`)
  }

  #seen(name: string): Seen | undefined {
    const definition = this.#cells.snapshot().definitions.find(each => each.name === name)
    return definition && new Seen(this, definition)
  }
}

/** A shared metric, as a registry asks it: in any thread, whether the thread has made the metric or not. */
class Seen {
  /** prom-client takes `_total` off this name where it shows OpenMetrics. */
  name: string
  readonly help: string
  readonly type: string
  readonly aggregator: string
  readonly #registry: SharedRegistry<prom.RegistryContentType>
  readonly #definition: Definition

  constructor(registry: unknown, definition: Definition) {
    this.#registry = registry as SharedRegistry<prom.RegistryContentType>
    this.#definition = definition
    this.name = definition.name
    this.help = definition.help
    this.type = definition.type
    this.aggregator = definition.aggregator
  }

  get(): Promise<Shown> {
    return this.#registry.show(this.#definition.name, this.name, true)
  }

  getForPromString(): Promise<Shown> {
    return this.#registry.show(this.#definition.name, this.name, false)
  }

  reset(): void {
    this.#registry.cells.remove(this.#definition.name, undefined, this.type !== 'summary')
  }
}

/** All labels of a value in one object. */
function splayed({ sharedLabels, labels, ...value }: Value): Value {
  return { ...value, labels: { ...labels, ...sharedLabels } }
}
