import { TYPE_BYTES } from '../bridge/layout.generated.js'
import { CodecError, DamagedMemoryError } from '../errors/classes.js'
import { forKey, quote } from '../errors/quote.js'
import type { NativeCodec } from './codec.js'
import { checksAll, refuseInvalidDate, refuseLoss, refuseTop } from './json-losses.js'
import { checkSchema, type StandardSchema, validate } from './standard-schema.js'
import { readText, writeText } from './text.js'

/**
 * Every value that JSON can store, as its text. `compareAndSwap` compares the text, so the order of properties counts. The codec refuses
 * circular objects, and values that JSON would drop in silence, by `CodecError`. It looks for such values
 *
 * - always: the value itself, and objects at any depth that JSON stores as `{}` (a Promise, Map, Set, RegExp, …),
 * - in development (`NODE_ENV` is not `production`): everywhere in the value, also for functions, symbols, NaN, infinities and typed
 *   arrays.
 *
 * An object with `toJSON` is stored as what `toJSON` returns: a `Date` comes back as a string.
 *
 * With a `schema` of any library that implements Standard Schema (zod, valibot, arktype), each value is validated before it
 * is stored, and the schema's output is stored; `CodecError` names the key, and each issue with its path. Values that are
 * read, and the `expected` of `compareAndSwap`, are not validated. A schema that validates asynchronously is refused.
 *
 * ```ts
 * const users = new FastMap({ key: string, value: json(z.object({ name: z.string() })) }) // FastMap<string, { name: string }>
 * ```
 *
 * Values from a read cache are frozen.
 */
export function json<T>(schema?: StandardSchema<unknown, T>): NativeCodec<T> {
  if (schema === undefined) return plain as NativeCodec<T>
  checkSchema(schema)
  return { ...(plain as NativeCodec<T>), admit: (value, key) => validate(schema, value, key) }
}

function parse(...at: Parameters<typeof readText>): unknown {
  const text = readText(...at)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new DamagedMemoryError(
      `a stored value is no JSON, and this codec stores nothing else: ${quote(text)} (${(error as Error).message}). Something outside this library wrote to the memory; audit() may say what else is broken`,
    )
  }
}

const plain: NativeCodec<unknown> = {
  name: 'json',
  type: TYPE_BYTES,
  prepare(value, key) {
    refuseTop(value, key)
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (error) {
      throw new CodecError(`the json codec cannot store ${quote(value)}: ${reason(error)}${forKey(key)}`)
    }
    if (text === undefined) {
      throw new CodecError(`the json codec cannot store ${quote(value)}: JSON has nothing for it${forKey(key)}`)
    }
    if (text === 'null') refuseInvalidDate(value, key)
    // An object that is lost as a whole leaves `{}` in the text; without it the search can be left out.
    else if (checksAll || text.includes('{}')) refuseLoss(value, key)
    return text
  },
  write: (scratch, area, text) => writeText(scratch, area, text as string),
  read: parse,
  cached: { keep: (window, at, meta) => deepFreeze(parse(window, at, meta)), give: kept => kept },
}

function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.includes('BigInt') ? `${message}; store it as a string, or use the i64 codec` : message
}

/** Freezes a value of `JSON.parse`: no other code has it, and it has no cycles. */
function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  // A loop and no recursion: JSON.parse allows more depth than the stack does.
  const open: object[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const inner of Object.values(next)) if (typeof inner === 'object' && inner !== null) open.push(inner)
    Object.freeze(next)
  }
  return value
}
