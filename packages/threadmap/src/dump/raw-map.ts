/**
 * A map seen as stored bytes: a core over the session of the map, whose codecs copy keys and values as they are. So a dump decodes
 * nothing, runs no code of the program, and takes any codec.
 */
import * as L from '../bridge/layout.generated.js'
import { type Area, type Scratch, Window } from '../bridge/scratch.js'
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

export class RawMap {
  readonly #core: MapCore<unknown, unknown>
  readonly #raw: MapCore<Stored, Stored>

  /** `OptionError` if `map` is none of this library's maps; `method` names the caller. */
  constructor(method: string, map: unknown) {
    const core = coreOf(map)
    if (core === undefined) {
      throw new OptionError(`${method} takes a map of this library as its first argument, and got ${quote(map)}`)
    }
    if (core.disposed) core.refuse()
    this.#core = core
    // Without `cacheKey`: only read caches and updates ask for it, and this core has neither.
    const key = rawCodec(core.key.type) as KeyCodec<Stored>
    this.#raw = new MapCore(core.kind, core.session, key, rawCodec(core.value.type), 0)
  }

  get description(): Description {
    return { kind: this.#core.kind, key: this.#core.key.name, value: this.#core.value.name }
  }

  /** The entries, weakly consistent as all iteration is. */
  *records(): Generator<RawRecord> {
    for (const [key, value] of entriesOf(this.#raw)) {
      yield { keyMeta: key.meta, valueMeta: value.meta, key: key.bytes, value: value.bytes }
      this.refuseDisposed()
    }
  }

  /** Stores an entry; `replaces` says whether in place of one that is there. */
  store(record: RawRecord, replaces: boolean): void {
    this.refuseDisposed()
    const core = this.#core
    const op = replaces ? L.SET : L.INSERT
    if (core.value.admit === undefined) {
      const value = { meta: record.valueMeta, bytes: record.value }
      this.#raw.change(op, { meta: record.keyMeta, bytes: record.key }, value)
      return
    }
    // The map's schema may be another one than that of the map that was dumped.
    const key = decode(core.key, record.keyMeta, record.key)
    core.change(op, key, core.admit(decode(core.value, record.valueMeta, record.value), key))
  }

  /** `CodecError` for a record that these codecs cannot have written. */
  check({ keyMeta, valueMeta, key, value }: RawRecord): void {
    const { key: keyCodec, value: valueCodec } = this.#core
    if (keyCodec.type !== L.TYPE_BYTES && keyMeta !== L.META_NUMBER) throw misfit('key', key, keyCodec.name)
    if (valueCodec.type !== L.TYPE_BYTES && valueMeta !== L.META_NUMBER) throw misfit('value', value, valueCodec.name)
  }

  refuseDisposed(): void {
    if (this.#core.disposed) this.#core.refuse()
  }
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
