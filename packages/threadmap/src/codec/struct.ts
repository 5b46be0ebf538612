import { TYPE_BYTES } from '../bridge/layout.generated.js'
import type { Window } from '../bridge/scratch.js'
import { CodecError, OptionError } from '../errors/classes.js'
import { forKey, quote } from '../errors/quote.js'
import type { NativeCodec } from './codec.js'
import { refuseThenable } from './thenable.js'

/** The types of a struct's fields. */
export type FieldType = 'f64' | 'f32' | 'i64' | 'u64' | 'i32' | 'u32' | 'i16' | 'u16' | 'i8' | 'u8' | 'bool'
/** The fields of a struct, in the order in which they are stored: the name of each, and its type. */
export type StructFields = Record<string, FieldType>
/** The object that a struct of these fields stores. */
export type StructOf<F extends StructFields> = {
  [Name in keyof F]: F[Name] extends 'bool' ? boolean : F[Name] extends 'i64' | 'u64' ? bigint : number
}

interface FieldKind {
  size: number
  /** The reason why a value is refused, or undefined. */
  refuses(value: unknown): string | undefined
  set(data: DataView, at: number, value: never): void
  get(data: DataView, at: number): unknown
}

function integer(low: number, high: number): (value: unknown) => string | undefined {
  return value =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? undefined
      : `a whole number from ${low} to ${high}`
}

function big(low: bigint, high: bigint): (value: unknown) => string | undefined {
  return value =>
    typeof value === 'bigint' && value >= low && value <= high ? undefined : `a bigint from ${low} to ${high}`
}

function number(value: unknown): string | undefined {
  return typeof value === 'number' ? undefined : 'a number'
}

const KINDS: Record<FieldType, FieldKind> = {
  f64: {
    size: 8,
    refuses: number,
    set: (d, at, v) => d.setFloat64(at, v, true),
    get: (d, at) => d.getFloat64(at, true),
  },
  f32: {
    size: 4,
    refuses: number,
    set: (d, at, v) => d.setFloat32(at, v, true),
    get: (d, at) => d.getFloat32(at, true),
  },
  i64: {
    size: 8,
    refuses: big(-(2n ** 63n), 2n ** 63n - 1n),
    set: (d, at, v) => d.setBigInt64(at, v, true),
    get: (d, at) => d.getBigInt64(at, true),
  },
  u64: {
    size: 8,
    refuses: big(0n, 2n ** 64n - 1n),
    set: (d, at, v) => d.setBigUint64(at, v, true),
    get: (d, at) => d.getBigUint64(at, true),
  },
  i32: {
    size: 4,
    refuses: integer(-(2 ** 31), 2 ** 31 - 1),
    set: (d, at, v) => d.setInt32(at, v, true),
    get: (d, at) => d.getInt32(at, true),
  },
  u32: {
    size: 4,
    refuses: integer(0, 2 ** 32 - 1),
    set: (d, at, v) => d.setUint32(at, v, true),
    get: (d, at) => d.getUint32(at, true),
  },
  i16: {
    size: 2,
    refuses: integer(-(2 ** 15), 2 ** 15 - 1),
    set: (d, at, v) => d.setInt16(at, v, true),
    get: (d, at) => d.getInt16(at, true),
  },
  u16: {
    size: 2,
    refuses: integer(0, 2 ** 16 - 1),
    set: (d, at, v) => d.setUint16(at, v, true),
    get: (d, at) => d.getUint16(at, true),
  },
  i8: { size: 1, refuses: integer(-128, 127), set: (d, at, v) => d.setInt8(at, v), get: (d, at) => d.getInt8(at) },
  u8: { size: 1, refuses: integer(0, 255), set: (d, at, v) => d.setUint8(at, v), get: (d, at) => d.getUint8(at) },
  bool: {
    size: 1,
    refuses: value => (typeof value === 'boolean' ? undefined : 'true or false'),
    set: (d, at, v) => d.setUint8(at, v ? 1 : 0),
    get: (d, at) => d.getUint8(at) !== 0,
  },
}

/**
 * Objects with these fields and no others, at fixed places: nothing is parsed. Fields are stored largest first, so that
 * none straddles its alignment. An object with another enumerable property of its own is refused by `CodecError`, which
 * names it. Values from a read cache are frozen.
 *
 * ```ts
 * const users = new FastMap({ key: string, value: struct({ id: 'u32', score: 'f64', active: 'bool' }) })
 * ```
 */
export function struct<const F extends StructFields>(fields: F): NativeCodec<StructOf<F>> {
  if (typeof fields !== 'object' || fields === null) {
    throw new OptionError(`struct() takes an object of fields, as in struct({ id: 'u32' }), and got ${quote(fields)}`)
  }
  const names = Object.keys(fields)
  if (names.length === 0) throw new OptionError('struct() needs at least one field, as in struct({ id: "u32" })')
  for (const name of names) {
    // Assigning to `__proto__` would set the prototype of the object that a read returns.
    if (name === '__proto__') throw new OptionError("a struct cannot have a field '__proto__': give it another name")
    if (!Object.hasOwn(KINDS, fields[name])) {
      throw new OptionError(
        `struct field '${name}' is '${String(fields[name])}'; it must be one of ${Object.keys(KINDS).join(', ')}`,
      )
    }
  }
  const offsets = new Map<string, number>()
  let size = 0
  for (const name of [...names].sort((a, b) => KINDS[fields[b]].size - KINDS[fields[a]].size)) {
    offsets.set(name, size)
    size += KINDS[fields[name]].size
  }
  const places = names.map(name => ({ name, kind: KINDS[fields[name]], offset: offsets.get(name)! }))
  const takes = `the struct codec takes an object with ${names.join(', ')}`
  const read = (window: Window, at: number): StructOf<F> => {
    const record: Record<string, unknown> = {}
    for (const { name, kind, offset } of places) record[name] = kind.get(window.data, at + offset)
    return record as StructOf<F>
  }
  return {
    name: STRUCT_PREFIX + JSON.stringify(fields),
    type: TYPE_BYTES,
    prepare(value, key) {
      if (typeof value !== 'object' || value === null) {
        throw new CodecError(`${takes}, and got ${quote(value)}${forKey(key)}`)
      }
      const record = value as Record<string, unknown>
      // Each field is read once: a getter could return another value the next time.
      const values = new Array<unknown>(places.length)
      for (let i = 0; i < places.length; i++) {
        const { name, kind } = places[i]
        const field = record[name]
        const wanted = kind.refuses(field)
        if (wanted !== undefined) {
          refuseThenable('struct', value, key)
          throw new CodecError(`struct field '${name}' takes ${wanted}, and got ${quote(field)}${forKey(key)}`)
        }
        values[i] = field
      }
      for (const name in record) {
        if (offsets.has(name) || !Object.hasOwn(record, name)) continue
        const others = Object.keys(record).filter(other => !offsets.has(other))
        throw new CodecError(
          `${takes} and no others, and got one with ${others.join(', ')} as well: leave out what is not to be stored, or add it to the struct${forKey(key)}`,
        )
      }
      return values
    },
    write(scratch, area, prepared) {
      const values = prepared as never[]
      const window = scratch.reserve(area, size)
      const at = window.at[area]
      for (let i = 0; i < places.length; i++) places[i].kind.set(window.data, at + places[i].offset, values[i])
      return size
    },
    read,
    cached: { keep: (window, at) => Object.freeze(read(window, at)), give: kept => kept as StructOf<F> },
  }
}

export const STRUCT_PREFIX = 'struct '
