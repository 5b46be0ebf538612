/** Checks the handle that `attach` is given, before anything is read from its memory. */

import { AttachError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import * as L from './layout.generated.js'

/** `AttachError` unless `handle` is one of this version's, of that kind. `kind`: a map's or a lock's. */
export function checkHandle(kind: string, handle: unknown): void {
  const { threadmap: version, kind: found } = (handle ?? {}) as { threadmap?: unknown; kind?: unknown }
  if (typeof version !== 'number' || typeof found !== 'string') {
    throw new AttachError(`${kind}.attach() takes the handle of a ${kind}, and got ${quote(handle)}`)
  }
  if (version !== L.LAYOUT_VERSION) {
    throw new AttachError(
      `${kind}.attach() got a handle of another version of threadmap: its memory has layout version ${version}, and this version reads ${L.LAYOUT_VERSION}; use the same version of threadmap in all threads`,
    )
  }
  if (found !== kind) {
    throw new AttachError(`${kind}.attach() got the handle of a ${found}; use ${found}.attach()`)
  }
}
