/** Quotes the values that errors are about. */

const LONGEST_TEXT = 40

/** A value as errors quote it: short, and with its type. Throws nothing, whatever the value's own code does. */
export function quote(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > LONGEST_TEXT ? `'${value.slice(0, LONGEST_TEXT)}…' (a string)` : `'${value}' (a string)`
    case 'bigint':
      return `${value}n (a bigint)`
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null ? 'null' : describe(value)
    default:
      return value === undefined ? 'undefined' : `${String(value)} (a ${typeof value})`
  }
}

function describe(value: object): string {
  try {
    if (isThenable(value)) return 'a Promise: await it first (a function that is async returns one)'
    const name: unknown = value.constructor?.name
    return typeof name === 'string' && name !== '' ? `an object of class ${name}` : 'an object of no class'
  } catch {
    // A revoked Proxy, or a getter that throws.
    return 'an object that cannot be looked at'
  }
}

/** The end of a message that says which key a value was for. */
export function forKey(key: unknown): string {
  return `; the key is ${quote(key)}`
}

/** Whether `await` would wait for the value. */
export function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
