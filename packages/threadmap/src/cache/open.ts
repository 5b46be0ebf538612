/** How a cache begins: with a memory of its own, or in that of a handle. */
import { checkHandle } from '../bridge/check-handle.js'
import { CACHE_POLICY } from '../bridge/policies.js'
import { Session } from '../bridge/session.js'
import { keyCodec, namedKeyCodec, namedValueCodec, valueCodec } from '../codec/registry.js'
import { OptionError } from '../errors/classes.js'
import { checkReady } from '../liveness/web-locks.js'
import { codecNames } from '../maps/open.js'
import { cacheSize } from '../maps/options.js'
import { CacheCore } from './core.js'
import {
  type CacheAttachOptions,
  type CacheHandle,
  type CacheOptions,
  checkCacheAttachOptions,
  checkCacheOptions,
} from './options.js'

export function createCore<K, V>(options: CacheOptions<K, V>): CacheCore<K, V> {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError('new SharedCache() takes options, as in { key: string, value: f64, max: 1000 }')
  }
  const key = keyCodec(options.key)
  const value = valueCodec(options.value)
  const { maxBytes, readCache, header } = checkCacheOptions(options, value.type)
  const session = Session.create(maxBytes, header, JSON.stringify([key.name, value.name]))
  return new CacheCore(session, key, value, readCache, options.weigh, options.onEvict)
}

export function attachCore<K, V>(handle: CacheHandle<K, V>, options: CacheAttachOptions<K, V>): CacheCore<K, V> {
  checkHandle('SharedCache', handle)
  checkReady('SharedCache.attach()')
  checkCacheAttachOptions(options)
  const readCache = cacheSize(options.readCache ?? handle.readCache)
  const session = Session.attach(handle.memory, CACHE_POLICY.number)
  try {
    const [keyName, valueName] = codecNames(handle.memory)
    const key = namedKeyCodec<K>(keyName)
    return new CacheCore(
      session,
      key,
      namedValueCodec(valueName, options.value),
      readCache,
      options.weigh,
      options.onEvict,
    )
  } catch (error) {
    session.release()
    throw error
  }
}
