/**
 * Values of any kind as text. Most packages hand over text that they have serialized themselves, which is stored as it is. Other values are stored as the
 * structured clone algorithm writes them, one character for each byte, behind a mark. Text that begins with a mark gets another one in front.
 */
import { deserialize, serialize } from 'node:v8'

const CLONED = '\u0001'
const TEXT = '\u0002'
const CLONED_CODE = 1
const TEXT_CODE = 2

/** The text to store for `value`. Throws `DataCloneError` for functions, symbols and whatever else cannot be cloned. */
export function pack(value: unknown): string {
  if (typeof value !== 'string') return CLONED + serialize(value).toString('latin1')
  const first = value.charCodeAt(0)
  return first === CLONED_CODE || first === TEXT_CODE ? TEXT + value : value
}

/** The value that `pack` made `text` of. */
export function unpack(text: string): unknown {
  const first = text.charCodeAt(0)
  if (first === CLONED_CODE) return deserialize(Buffer.from(text.slice(1), 'latin1'))
  return first === TEXT_CODE ? text.slice(1) : text
}
