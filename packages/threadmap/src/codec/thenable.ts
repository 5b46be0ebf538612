import { CodecError } from '../errors/classes.js'
import { forKey, isThenable, quote } from '../errors/quote.js'

/** Refuses a Promise by name: what it will be is not known yet, and no codec can store that. */
export function refuseThenable(codec: string, value: unknown, key: unknown): void {
  if (isThenable(value)) throw new CodecError(`the ${codec} codec got ${quote(value)}${forKey(key)}`)
}
