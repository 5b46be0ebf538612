/** The loads of a cache by its kernel (kernel/maps/cache-loads.ts). */
import * as L from '../bridge/layout.generated.js'
import { KEY, VALUE } from '../bridge/scratch.js'
import { string } from '../codec/strings.js'
import {
  DisposedError,
  LoadFailedError,
  LoadTimeoutError,
  RecursiveComputeError,
  ValueTooLargeError,
} from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { CacheCore } from './core.js'
import { errorOf, errorText } from './load-errors.js'
import type { Ending, LoadTable, Look, Outcome, Stale } from './load-table.js'

const WITHOUT_VALUE = {
  error: L.LOAD_FAILS,
  nothing: L.LOAD_ENDS,
  abandoned: L.LOAD_IS_ABANDONED,
  released: L.LOAD_IS_RELEASED,
}

export class KernelLoads<K, V> implements LoadTable<K, V> {
  readonly #core: CacheCore<K, V>

  constructor(core: CacheCore<K, V>) {
    this.#core = core
  }

  begin(key: K, waited: number, force: boolean, milliseconds: number): Look<V> {
    const core = this.#core
    const { kernel, scratch } = core
    if (core.disposed) core.refuse()
    let code: number
    while (true) {
      code = kernel.beginLoad(core.key.write(scratch, KEY, key), waited, Number(force), milliseconds)
      if (code !== L.E_AREA) break
      core.growResult()
    }
    core.check(code)
    // Reading the value can run code of the program, which can use the cache: everything else is read before.
    const words = scratch.u32
    const at = scratch.resultWord >>> 2
    const token = words[at + (L.R_TOKEN >>> 2)]
    const word = words[at + (L.R_LOAD_WORD >>> 2)] >>> 2
    const epoch = words[at + (L.R_LOAD_EPOCH >>> 2)]
    const meta = words[at + (L.R_META >>> 2)]
    switch (code) {
      case L.LOAD_NOTHING:
        return { state: 'nothing' }
      case L.LOAD_ERROR:
        return { state: 'failed', error: errorOf(string.read(scratch, scratch.resultBytes, meta)) }
      case L.PRESENT: {
        const { value, age } = this.#value()
        return { state: 'fresh', value, age }
      }
      case L.LOAD_KEPT:
        return { state: 'kept', error: this.#kept(key), stale: this.#valueIfAny() }
      default:
        return {
          state: code === L.LOAD_MINE ? 'mine' : 'other',
          token,
          word,
          epoch: epoch | 0,
          stale: this.#valueIfAny(),
        }
    }
  }

  end(key: K, token: number, outcome: Outcome<V>, took: number): Ending {
    const core = this.#core
    const { kernel, scratch } = core
    if (outcome.kind === 'value') return this.#endWith(key, token, outcome.value, outcome.ttl, took)
    const isError = outcome.kind === 'error'
    const text = isError ? errorText(outcome.error) : ''
    if (core.session.closed) return 'refused'
    const textMeta = isError ? string.write(scratch, VALUE, text) : 0
    const meta = core.key.write(scratch, KEY, key)
    const kept = isError ? outcome.negativeTtl : 0
    return endingOf(core.check(kernel.endLoadWithout(meta, token, WITHOUT_VALUE[outcome.kind], textMeta, kept, took)))
  }

  #endWith(key: K, token: number, value: V, ttl: number | undefined, took: number): Ending {
    const core = this.#core
    const { kernel, scratch } = core
    const weight = core.weightOf(value, key)
    const prepared = core.prepare(value, key)
    if (core.disposed) core.refuse()
    try {
      const valueMeta = core.value.write(scratch, VALUE, prepared)
      const meta = core.key.write(scratch, KEY, key)
      const code = kernel.endLoad(meta, token, valueMeta, ttl ?? core.ttl, weight, took)
      if (scratch.isLarge) scratch.shrink()
      return endingOf(core.check(code))
    } catch (error) {
      // The value is too large for this cache, not for its caller. Threads that wait load for themselves.
      if (!(error instanceof ValueTooLargeError)) throw error
      return this.end(key, token, { kind: 'released' }, took)
    }
  }

  get(key: K): V | undefined {
    return this.#core.get(key)
  }

  admit(value: V, key: K): V {
    return this.#core.admit(value, key)
  }

  nameOf(key: K): unknown {
    return this.#core.key.cacheKey(key)
  }

  own(key: K): K {
    return this.#core.own(key)
  }

  get words(): Int32Array {
    return this.#core.scratch.i32
  }

  declareEnded(): void {
    this.#core.session.declareEnded()
  }

  disposed(): Error {
    return new DisposedError('this SharedCache was disposed in this thread while it loaded, or waited for, a value')
  }

  recursive(key: K): Error {
    return new RecursiveComputeError(
      `fetch() was called for the key ${quote(key)} of this SharedCache from within the loader of this key: the load would wait for itself. ` +
        'Return the value from the loader; loaders may fetch other keys, in one direction only',
    )
  }

  late(key: K, milliseconds: number): Error {
    return new LoadTimeoutError(
      `the loader of the key ${quote(key)} of this SharedCache did not end within loadTimeout = ${milliseconds} ms; nothing was stored. ` +
        "Let it give up when its signal aborts, or raise loadTimeout; loaders that fetch each other's keys never end",
      key,
    )
  }

  #kept(key: K): Error {
    return new LoadFailedError(
      `another thread could not load the key ${quote(key)} of this SharedCache again; it has kept the value from before`,
    )
  }

  #valueIfAny(): Stale<V> | undefined {
    const { u32, resultWord } = this.#core.scratch
    return u32[(resultWord + L.R_LOAD_HAS_VALUE) >>> 2] === 0 ? undefined : this.#value()
  }

  #value(): Stale<V> {
    const core = this.#core
    const { f64, resultWord } = core.scratch
    const until = f64[(resultWord + L.R_FRESH_UNTIL) >>> 3]
    const created = f64[(resultWord + L.R_CREATED) >>> 3]
    const now = until === Number.POSITIVE_INFINITY ? created : core.session.clock.now()
    return { value: core.result(), age: now - created, over: now - until }
  }
}

function endingOf(code: number): Ending {
  if (code === L.LOAD_WAITED) return 'waited'
  return code === L.PRESENT ? 'done' : 'refused'
}
