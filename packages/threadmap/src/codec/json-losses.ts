/**
 * What JSON.stringify drops or changes without a word. A replacer function that looks at everything makes encoding 2.5 to 10
 * times as slow; this walk beside it takes a seventh to a half of the time that JSON.stringify takes (docs/decisions/0012).
 */
import { MAP_KINDS } from '../bridge/policies.js'
import { CodecError } from '../errors/classes.js'
import { forKey, quote } from '../errors/quote.js'
import { refuseThenable } from './thenable.js'

/** In development everything is looked at; in production the value itself, and what JSON.stringify made `{}` of. */
export const checksAll = isDevelopment()

function isDevelopment(): boolean {
  try {
    const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env
    return env !== undefined && env.NODE_ENV !== 'production'
  } catch {
    // Deno, without the permission to look.
    return false
  }
}

/** What to do in place of it, by the tag of `Object.prototype.toString`. Their contents stand in no property. */
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
const OTHER = 'its contents stand in no property; give its class a toJSON, or store what you need of it'
/** The maps of this library, by the same tag. */
const MAPS = new Set<string>(MAP_KINDS)
const MAP = 'store [...map]; to share the map itself, send its handle to the other thread'
/** JSON knows these by their tag, though they are not plain. */
const KNOWN = new Set(['Object', 'Array', 'Number', 'String', 'Boolean', 'Arguments'])

const objects = Object.prototype
const arrays = Array.prototype

/** What is wrong, and where: the path is made while the search returns. */
interface Loss {
  path: string
  readonly what: string
  readonly instead: string
}

/** Refuses a value that would be stored as less than it is. */
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

/** Refuses a Date of which JSON made null. */
export function refuseInvalidDate(value: unknown, key: unknown): void {
  if (isInvalidDate(value)) throw refusal(invalidDate(), key)
}

/** Looks at everything in a value that JSON.stringify has accepted, and so has no cycles. */
export function refuseLoss(value: unknown, key: unknown): void {
  let loss: Loss | undefined
  try {
    loss = find(value)
  } catch (error) {
    // Deeper than the stack, and JSON.stringify could do it: what JSON can have it has there too.
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
  // Looked at last, because it is rare.
  return loss !== undefined && hasToJSON(value) ? undefined : loss
}

function inArray(array: unknown[]): Loss | undefined {
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    if (typeof item === 'string') continue
    // In an array JSON has null for it; as a property it is left out, which reads as undefined again.
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
    // What is inherited is no part of the text, and can have cycles.
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

/** What JSON would change or drop of a value that is no object. */
function lossOfLeaf(value: unknown): Loss | undefined {
  switch (typeof value) {
    case 'number':
      // False for NaN and infinities alone.
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

/** What is lost of an object that keeps its contents elsewhere than in properties. */
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
