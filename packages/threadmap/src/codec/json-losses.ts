/**
 * Finds the values that JSON.stringify drops or changes in silence. A replacer function that looks at everything makes encoding 2.5 to
 * 10 times slower. This walk takes a seventh to a half of the time of JSON.stringify, besides (docs/decisions/0012).
 */
import { MAP_KINDS } from '../bridge/policies.js'
import { CodecError } from '../errors/classes.js'
import { forKey, quote } from '../errors/quote.js'
import { refuseThenable } from './thenable.js'

/** True in development: then the walk checks everything. In production it checks the value itself, and objects that became `{}`. */
export const checksAll = isDevelopment()

function isDevelopment(): boolean {
  try {
    const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env
    return env !== undefined && env.NODE_ENV !== 'production'
  } catch {
    // Deno throws without the permission to read the environment.
    return false
  }
}

/** The advice for objects that keep their contents outside of properties, by the tag of `Object.prototype.toString`. */
const INSTEAD: Record<string, string> = {
  Promise: 'await it first (a function that is async returns one)',
  Map: 'store [...map] and make a Map of it again',
  Set: 'store [...set] and make a Set of it again',
  WeakMap: 'it cannot be stored',
  WeakSet: 'it cannot be stored',
  WeakRef: 'it cannot be stored',
  RegExp: 'store its source and flags',
  Error: 'store its name, message and stack',
  ArrayBuffer: 'store base64 text, or use the bytes codec',
  SharedArrayBuffer: 'store base64 text, or use the bytes codec',
}
const BYTES = 'store base64 text or an array of numbers, or use the bytes codec'
const OTHER = 'its contents are in no property; give its class a toJSON, or store the parts that you need'
/** The tags of this library's maps. */
const MAPS = new Set<string>(MAP_KINDS)
const MAP = 'store [...map]; to share the map itself, send its handle to the other thread'
/** Tags of the objects that JSON stores whole. */
const KNOWN = new Set(['Object', 'Array', 'Number', 'String', 'Boolean', 'Arguments'])

const objects = Object.prototype
const arrays = Array.prototype

/** A value that JSON would lose, and its path, which grows while the search returns. */
interface Loss {
  path: string
  readonly what: string
  readonly instead: string
}

/** `CodecError` for a value that JSON would store only in part. */
export function refuseTop(value: unknown, key: unknown): void {
  let loss: Loss | undefined
  if (typeof value === 'object') {
    if (value === null) return
    refuseThenable('json', value, key)
    loss = lossOfClass(value)
  } else {
    loss = lossOfLeaf(value)
  }
  if (loss !== undefined && !hasToJSON(value)) throw refusal(loss, key)
}

/** `CodecError` for an invalid Date, which JSON stores as null. */
export function refuseInvalidDate(value: unknown, key: unknown): void {
  if (isInvalidDate(value)) throw refusal(invalidDate(), key)
}

/** Checks everything in a value. JSON.stringify has accepted the value, so it has no cycles. */
export function refuseLoss(value: unknown, key: unknown): void {
  let loss: Loss | undefined
  try {
    loss = find(value)
  } catch (error) {
    // The value is deeper than this walk's stack allows, and JSON.stringify has stored it: its depths are not checked.
    if (error instanceof RangeError) return
    throw error
  }
  if (loss !== undefined) throw refusal(loss, key)
}

function refusal(loss: Loss, key: unknown): CodecError {
  const where = loss.path === '' ? '' : ` (value${loss.path})`
  return new CodecError(`the json codec cannot store ${loss.what}${where}: ${loss.instead}${forKey(key)}`)
}

function find(value: unknown): Loss | undefined {
  if (typeof value !== 'object' || value === null) return checksAll ? lossOfLeaf(value) : undefined
  const prototype = Object.getPrototypeOf(value)
  let loss: Loss | undefined
  if (prototype === arrays || Array.isArray(value)) {
    loss = inArray(value as unknown[])
  } else {
    if (prototype !== objects && prototype !== null) {
      if (checksAll && isInvalidDate(value)) return invalidDate()
      if (checksAll || hasNoText(value)) loss = lossOfClass(value)
    }
    loss ??= inObject(value as Record<string, unknown>)
  }
  // The last check, because such objects are rare.
  return loss !== undefined && hasToJSON(value) ? undefined : loss
}

function inArray(array: unknown[]): Loss | undefined {
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    if (typeof item === 'string') continue
    // JSON stores null for undefined in an array. It leaves a property out, which then reads as undefined again.
    const loss =
      item === undefined && checksAll ? leaf('undefined', 'JSON has only null for it: store null') : find(item)
    if (loss !== undefined) return inside(loss, `[${i}]`)
  }
  return undefined
}

function inObject(object: Record<string, unknown>): Loss | undefined {
  for (const name in object) {
    const item = object[name]
    if (typeof item === 'string') continue
    // JSON stores no inherited properties, and these can have cycles.
    if (typeof item === 'object' && !Object.hasOwn(object, name)) continue
    const loss = find(item)
    if (loss !== undefined && Object.hasOwn(object, name)) {
      return inside(loss, /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`)
    }
  }
  return undefined
}

function inside(loss: Loss, step: string): Loss {
  loss.path = step + loss.path
  return loss
}

function leaf(what: string, instead: string): Loss {
  return { path: '', what, instead }
}

function invalidDate(): Loss {
  return leaf('an invalid Date', 'JSON has only null for it: store null')
}

function isInvalidDate(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime())
}

/** The loss for a value that is no object, or undefined. */
function lossOfLeaf(value: unknown): Loss | undefined {
  switch (typeof value) {
    case 'number':
      // False only for NaN and infinities.
      return value - value === 0 ? undefined : leaf(String(value), 'JSON has only null for it: store null or a string')
    case 'function':
      if (hasToJSON(value)) return undefined
      return leaf('a function', 'JSON has nothing for it: store what it returns')
    case 'symbol':
      return leaf('a symbol', 'JSON has nothing for it: store its description')
    default:
      return undefined
  }
}

/** The loss for an object that keeps its contents outside of properties, or undefined. */
function lossOfClass(value: object): Loss | undefined {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === objects || prototype === arrays || prototype === null) return undefined
  if (ArrayBuffer.isView(value)) return leaf(quote(value), BYTES)
  const tag = objects.toString.call(value).slice(8, -1)
  if (KNOWN.has(tag)) return undefined
  if (Object.hasOwn(INSTEAD, tag)) return leaf(`${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`, INSTEAD[tag])
  if (MAPS.has(tag)) return leaf(`a ${tag}`, MAP)
  return hasNoText(value) ? leaf(quote(value), OTHER) : undefined
}

/** Whether JSON.stringify makes `{}` of an object that has no toJSON. */
function hasNoText(value: object): boolean {
  return Object.values(value).every(
    item => item === undefined || typeof item === 'function' || typeof item === 'symbol',
  )
}

function hasToJSON(value: unknown): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function'
}
