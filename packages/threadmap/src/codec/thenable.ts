import { CodecError } from '../errors/classes.js'
import { forKey, isThenable, quote } from '../errors/quote.js'

/** `CodecError` for a Promise: its value is not known yet, so no codec can store it. */
export function refuseThenable(codec: string, value: unknown, key: unknown): void {
  if (isThenable(value)) throw new CodecError(`the ${codec} codec got ${quote(value)}${forKey(key)}`)
}
