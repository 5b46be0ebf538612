import { TYPE_BYTES } from '../bridge/layout.generated.js'
import { CodecError, DamagedMemoryError } from '../errors/classes.js'
import { forKey, quote } from '../errors/quote.js'
import type { NativeCodec } from './codec.js'
import { checksAll, refuseInvalidDate, refuseLoss, refuseTop } from './json-losses.js'
import { checkSchema, type StandardSchema, validate } from './standard-schema.js'
import { readText, writeText } from './text.js'

/**
 * Anything that JSON has, as its text. `compareAndSwap` compares the text, so the order of properties counts. Refused by
 * `CodecError`: circular objects, and what JSON would drop without a word. That is looked for
 *
 * - always: in the value itself, and for what would be stored as `{}`, at any depth (a Promise, Map, Set, RegExp, …),
 * - in development (`NODE_ENV` is not `production`): everywhere, also functions, symbols, NaN, infinities and typed arrays
 *   inside the value.
 *
 * An object with `toJSON` is stored as that says: a `Date` comes back as a string.
 *
 * With a `schema` of any library that implements Standard Schema (zod, valibot, arktype), each value is validated before it
 * is stored, and what the schema returns is stored; `CodecError` names the key, and each issue with its path. Values that are
 * read, and the `expected` of `compareAndSwap`, are not validated. A schema that validates asynchronously is refused.
 *
 * ```ts
 * const users = new FastMap({ key: string, value: json(z.object({ name: z.string() })) }) // FastMap<string, { name: string }>
 * ```
 *
 * What a read cache gives out is frozen.
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
    // What is lost whole leaves this trace; only then is it worth looking for.
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

/** Freezes what `JSON.parse` made: nobody else has it, and it has no cycles. */
function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  // Not by recursion: JSON.parse allows more depth than the stack.
  const open: object[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const inner of Object.values(next)) if (typeof inner === 'object' && inner !== null) open.push(inner)
    Object.freeze(next)
  }
  return value
}
