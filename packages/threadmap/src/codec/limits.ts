import { type Area, KEY } from '../bridge/scratch.js'
import { KeyTooLargeError, ValueTooLargeError } from '../errors/classes.js'

/** The longest key in bytes as stored: strings take 1 byte a character if all are below U+0100, else 2. */
export const MAX_KEY_BYTES = 1024 * 1024
/** The longest value in bytes as stored. */
export const MAX_VALUE_BYTES = 128 * 1024 * 1024

/** `KeyTooLargeError` or `ValueTooLargeError` for a length beyond the limit of the area. `what` names the value. */
export function checkLength(area: Area, length: number, what: string): void {
  if (area === KEY) {
    if (length <= MAX_KEY_BYTES) return
    throw new KeyTooLargeError(
      `${what} takes ${length} bytes; a key may take MAX_KEY_BYTES = ${MAX_KEY_BYTES}. Use a digest of it as the key, or put it into the value`,
    )
  }
  if (length <= MAX_VALUE_BYTES) return
  throw new ValueTooLargeError(
    `${what} takes ${length} bytes; a value may take MAX_VALUE_BYTES = ${MAX_VALUE_BYTES}. Split it over several keys`,
  )
}
