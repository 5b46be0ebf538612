import { TYPE_BYTES } from '../bridge/layout.generated.js'
import { CodecError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import type { KeyCodec } from './codec.js'
import { readText, writeText } from './text.js'

/** Any string, lone surrogates and '' included. */
export const string: KeyCodec<string> = {
  name: 'string',
  type: TYPE_BYTES,
  write(scratch, area, value) {
    if (typeof value !== 'string') throw new CodecError(`the string codec takes a string, and got ${quote(value)}`)
    return writeText(scratch, area, value)
  },
  read: readText,
  cacheKey: key => key,
}
