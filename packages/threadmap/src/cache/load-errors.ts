/**
 * How the error of a loader gets to the threads that wait: as text in shared memory. An error of JavaScript's own classes comes out as
 * one of the same class, any other as an `Error` with the name it had; both keep message, code and those own properties that JSON
 * can say. Other things that a program throws cross as JSON, if they can.
 */
import { LoadFailedError, LoadTimeoutError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'

/** A text of this many characters fits into one block, with two bytes a character. */
const LONGEST = 900
const LONGEST_MESSAGE = 500
const LONGEST_NAME = 60

const CLASSES: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
}

/** Properties that have a place of their own, or that belong to the thread in which the error was made. */
const NOT_COPIED = new Set(['name', 'message', 'code', 'stack', 'cause', '__proto__'])

interface Written {
  /** The name; absent for a value that is no error. */
  readonly n?: string
  readonly m?: string
  readonly c?: string | number
  /** Further properties of an error, or the value. */
  readonly p?: unknown
}

/** The text of whatever a loader threw. Throws nothing, whatever the error's own code does. */
export function errorText(error: unknown): string {
  try {
    const whole = JSON.stringify(written(error, true))
    if (whole.length <= LONGEST) return whole
    const short = JSON.stringify(written(error, false))
    if (short.length <= LONGEST) return short
  } catch {
    // A getter or toJSON threw, or JSON can't say it. What follows needs nothing of the error's own.
  }
  return JSON.stringify({ n: 'LoadFailedError', m: `the loader threw ${quote(error)}` })
}

function written(error: unknown, wholly: boolean): Written {
  if (!(error instanceof Error)) {
    if (!wholly || typeof error === 'function' || typeof error === 'symbol' || typeof error === 'bigint') {
      return { n: 'LoadFailedError', m: `the loader threw ${quote(error)}` }
    }
    return { p: error }
  }
  const { name, message } = error
  const { code } = error as { code?: unknown }
  const isCode = (typeof code === 'string' && code.length <= LONGEST_NAME) || typeof code === 'number'
  const properties: Record<string, unknown> = {}
  if (wholly) {
    for (const [key, value] of Object.entries(error)) {
      if (!NOT_COPIED.has(key) && typeof value !== 'function') properties[key] = value
    }
  }
  return {
    n: String(name).slice(0, LONGEST_NAME),
    m: wholly ? String(message) : shortened(String(message)),
    ...(isCode ? { c: code as string | number } : {}),
    ...(Object.keys(properties).length > 0 ? { p: properties } : {}),
  }
}

/** JSON may write six characters for one: such a message is cut shorter. */
function shortened(message: string): string {
  const room = Math.floor((LONGEST_MESSAGE * message.length) / JSON.stringify(message).length)
  return message.length <= room ? message : `${message.slice(0, room)}…`
}

/** The error for a thread that waited. */
export function errorOf(text: string): unknown {
  const { n: name, m: message = '', c: code, p: rest } = JSON.parse(text) as Written
  if (name === undefined) return rest
  if (name === 'LoadFailedError') return new LoadFailedError(message)
  if (name === 'LoadTimeoutError') return new LoadTimeoutError(message, undefined)
  const error = new (CLASSES[name] ?? Error)(message)
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  if (code !== undefined)
    Object.defineProperty(error, 'code', { value: code, enumerable: true, configurable: true, writable: true })
  if (typeof rest === 'object' && rest !== null) Object.assign(error, rest)
  return error
}
