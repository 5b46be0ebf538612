/** Creates maps, and attaches to maps by their handles. */
import { checkHandle } from '../bridge/check-handle.js'
import { readHeaderText } from '../bridge/header.js'
import { type MapKind, POLICIES } from '../bridge/policies.js'
import { Session } from '../bridge/session.js'
import { keyCodec, namedKeyCodec, namedValueCodec, valueCodec } from '../codec/registry.js'
import { AttachError, OptionError } from '../errors/classes.js'
import { quote } from '../errors/quote.js'
import { checkReady } from '../liveness/web-locks.js'
import { MapCore } from './core.js'
import type { AttachOptions, MapHandle } from './handle.js'
import { type AnyOptions, cacheSize, checkAttachOptions, checkOptions } from './options.js'

/** The core of a new map, in a memory of its own. */
export function createCore<K, V>(kind: MapKind, options: AnyOptions<K, V>): MapCore<K, V> {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(`new ${kind}() takes options with a key and a value codec, as in { key: string, value: f64 }`)
  }
  const key = keyCodec(options.key)
  const value = valueCodec(options.value)
  const { maxBytes, cache, header } = checkOptions(kind, options, value.type)
  const session = Session.create(maxBytes, header, JSON.stringify([key.name, value.name]))
  return new MapCore(kind, session, key, value, cache)
}

/**
 * Attaches to the map of a handle. The result is a core, which the caller passes to the constructor of the class in place of options.
 * @internal
 */
export function attachMap<K, V>(kind: MapKind, handle: MapHandle<K, V>, options: AttachOptions<V>): never {
  checkHandle(kind, handle)
  checkReady(`${kind}.attach()`)
  checkAttachOptions(kind, options)
  const cache = cacheSize(options.cache ?? handle.cache)
  const session = Session.attach(handle.memory, POLICIES[kind].number)
  try {
    const [keyName, valueName] = codecNames(handle.memory)
    const key = namedKeyCodec<K>(keyName)
    return new MapCore(kind, session, key, namedValueCodec(valueName, options.value), cache) as never
  } catch (error) {
    session.release()
    throw error
  }
}

/** The names of the codecs of keys and values. */
export function codecNames(memory: MapHandle['memory']): [string, string] {
  const text = readHeaderText(memory)
  try {
    const names: unknown = JSON.parse(text)
    if (Array.isArray(names) && names.length === 2 && names.every(name => typeof name === 'string')) {
      return names as [string, string]
    }
  } catch {
    // The error is below.
  }
  throw new AttachError(`the memory names no codecs of keys and values: ${quote(text)}`)
}

/** The type of `attach` when it is called on the class `C`: `Whole` on the map's own class, else an instance of `C`. */
export type Attached<C, Base, Whole> = Base extends C
  ? Whole
  : C extends new (
        ...args: never
      ) => infer Sub
    ? Sub
    : never

/**
 * Constructs the class that `attach` was called on: `own`, or a subclass of it. `attach` without a class, as a bare function, means
 * `own`.
 * @internal
 */
export function constructAttached(called: unknown, own: unknown, opened: never): never {
  return new ((called ?? own) as new (opened: never) => never)(opened)
}
