/** Checks that all limits have in common. */
import { AttachError, OptionError } from 'threadmap'

export function refuseUnknown(of: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`${of} takes an object of options, and got ${String(options)}`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new OptionError(`${of} has no option '${name}'. It takes ${known.join(', ')}`)
  }
}

export function checkHandle(kind: string, handle: { kind?: unknown; table?: unknown } | undefined): void {
  if (typeof handle === 'object' && handle !== null && handle.kind === kind && typeof handle.table === 'object') return
  throw new AttachError(`${kind}.attach() takes the handle of ${kind}, and got ${describe(handle)}`)
}

function describe(handle: { kind?: unknown } | undefined): string {
  return typeof handle === 'object' && handle !== null && 'kind' in handle
    ? `one of ${String(handle.kind)}`
    : String(handle)
}
