/**
 * A map seen as stored bytes: a core over the session of the map, whose codecs copy keys and values as they are. So a dump decodes
 * nothing, runs no code of the program, and takes any codec.
 */
import * as L from '../bridge/layout.generated.js'
import { type Area, type Scratch, Window } from '../bridge/scratch.js'
import { CacheCore } from '../cache/core.js'
import { SharedCache } from '../cache/shared-cache.js'
import { writeBytes } from '../codec/bytes.js'
import type { KeyCodec, NativeCodec } from '../codec/codec.js'
import { CodecError, OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { coreOf } from '../maps/base-map.js'
import { MapCore } from '../maps/core.js'
import { entriesOf } from '../maps/scan.js'
import type { Description, RawRecord } from './format.js'

/** A key or a value in its stored form. */
interface Stored {
  readonly meta: number
  readonly bytes: Uint8Array
}

/** Bytes of a word. */
const WORD = 8

function rawCodec(type: number): NativeCodec<Stored> {
  const isBytes = type === L.TYPE_BYTES
  return {
    // No built-in codec has this name, so the kernel's shorter ways for numbers and strings are not taken.
    name: 'raw',
    type,
    write(scratch: Scratch, area: Area, value: unknown): number {
      const { meta, bytes } = value as Stored
      return writeBytes(scratch, area, bytes) | (meta & ~L.META_LENGTH)
    },
    read(window: Window, at: number, found: number): Stored {
      // The meta of a value that stands in its entry is not given: a word has 8 bytes.
      const meta = isBytes ? found : L.META_NUMBER
      return { meta, bytes: window.u8.slice(at, at + (meta & L.META_LENGTH)) }
    },
  }
}

/** What dumps need of a map or a cache. */
export abstract class RawMap {
  abstract get description(): Description
  /** The entries, weakly consistent as all iteration is; of a cache those with fresh values. */
  abstract records(): Iterable<RawRecord>
  /** Stores an entry; `replaces` says whether in place of one that is there. */
  abstract store(record: RawRecord, replaces: boolean): void
  /** The codecs of the map. */
  protected abstract readonly codecs: { readonly key: NativeCodec<unknown>; readonly value: NativeCodec<unknown> }

  /** `OptionError` if `map` is neither a map nor a cache of this library; `method` names the caller. */
  static of(method: string, map: unknown): RawMap {
    const core = coreOf(map)
    if (core !== undefined) return new RawTable(core)
    if (map instanceof SharedCache) return new RawCache(map.core as CacheCore<unknown, unknown>)
    throw new OptionError(
      `${method} takes a map or a cache of this library as its first argument, and got ${quote(map)}`,
    )
  }

  /** `CodecError` for a record that the map's codecs cannot have written. */
  check({ keyMeta, valueMeta, key, value }: RawRecord): void {
    const { key: keyCodec, value: valueCodec } = this.codecs
    if (keyCodec.type !== L.TYPE_BYTES && keyMeta !== L.META_NUMBER) throw misfit('key', key, keyCodec.name)
    if (valueCodec.type !== L.TYPE_BYTES && valueMeta !== L.META_NUMBER) throw misfit('value', value, valueCodec.name)
  }
}

/** A key codec without `cacheKey`: only read caches and updates ask for it, and the cores here have neither. */
function rawKeys(type: number): KeyCodec<Stored> {
  return rawCodec(type) as KeyCodec<Stored>
}

class RawTable extends RawMap {
  readonly #core: MapCore<unknown, unknown>
  readonly #raw: MapCore<Stored, Stored>

  constructor(core: MapCore<unknown, unknown>) {
    super()
    if (core.disposed) core.refuse()
    this.#core = core
    this.#raw = new MapCore(core.kind, core.session, rawKeys(core.key.type), rawCodec(core.value.type), 0)
  }

  get description(): Description {
    return { kind: this.#core.kind, key: this.#core.key.name, value: this.#core.value.name }
  }

  protected get codecs() {
    return this.#core
  }

  *records(): Generator<RawRecord> {
    for (const [key, value] of entriesOf(this.#raw)) {
      yield recordOf(key, value, Number.POSITIVE_INFINITY)
      if (this.#core.disposed) this.#core.refuse()
    }
  }

  store(record: RawRecord, replaces: boolean): void {
    const core = this.#core
    if (core.disposed) core.refuse()
    const op = replaces ? L.SET : L.INSERT
    if (core.value.admit === undefined) {
      this.#raw.change(op, storedKey(record), storedValue(record))
      return
    }
    // The map's schema may be another one than that of the map that was dumped.
    const key = decode(core.key, record.keyMeta, record.key)
    core.change(op, key, core.admit(decode(core.value, record.valueMeta, record.value), key))
  }
}

class RawCache extends RawMap {
  readonly #core: CacheCore<unknown, unknown>
  readonly #raw: CacheCore<Stored, Stored>
  /** The moment to which the times of the records refer, on the cache's clock. */
  readonly #began: number
  readonly #description: Description

  constructor(core: CacheCore<unknown, unknown>) {
    super()
    if (core.disposed) core.refuse()
    this.#core = core
    this.#raw = new CacheCore(core.session, rawKeys(core.key.type), rawCodec(core.value.type), 0, undefined, undefined)
    this.#began = core.session.clock.now()
    this.#description = { kind: 'SharedCache', key: core.key.name, value: core.value.name, written: Date.now() }
  }

  get description(): Description {
    return this.#description
  }

  protected get codecs() {
    return this.#core
  }

  *records(): Generator<RawRecord> {
    for (const [key, value] of entriesOf(this.#raw)) {
      // Nothing has used the result area since the value was read.
      yield recordOf(key, value, this.#raw.freshUntil() - this.#began)
      if (this.#core.disposed) this.#core.refuse()
    }
  }

  store(record: RawRecord, replaces: boolean): void {
    const core = this.#core
    if (core.disposed) core.refuse()
    // A value that is fresh for ever in the dump gets the time that this cache gives by default.
    const ttl = record.until === Number.POSITIVE_INFINITY ? core.ttl : record.until
    const op = replaces ? L.SET : L.INSERT
    if (core.value.admit === undefined && core.weigh === undefined) {
      this.#raw.change(op, storedKey(record), storedValue(record), ttl)
      return
    }
    const key = decode(core.key, record.keyMeta, record.key)
    core.change(op, key, core.admit(decode(core.value, record.valueMeta, record.value), key), ttl)
  }
}

function recordOf(key: Stored, value: Stored, until: number): RawRecord {
  return { keyMeta: key.meta, valueMeta: value.meta, key: key.bytes, value: value.bytes, until }
}

function storedKey({ keyMeta, key }: RawRecord): Stored {
  return { meta: keyMeta, bytes: key }
}

function storedValue({ valueMeta, value }: RawRecord): Stored {
  return { meta: valueMeta, bytes: value }
}

function misfit(what: string, bytes: Uint8Array, codec: string): CodecError {
  return new CodecError(
    `the dump has a ${what} of ${bytes.length} bytes, which the codec '${codec}' cannot have written`,
  )
}

/** The key or value of stored bytes, outside shared memory. */
function decode<T>(codec: NativeCodec<T>, meta: number, bytes: Uint8Array): T {
  const window = new Window()
  // Whole words, of which the last one is complete.
  window.view(new ArrayBuffer((bytes.length + 2 * WORD - 1) & -WORD))
  window.u8.set(bytes)
  return codec.read(window, 0, meta)
}
