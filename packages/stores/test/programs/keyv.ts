/** What each package that takes a Keyv is mainly used for, in a worker. */
import { KeyvAdapter } from '@apollo/utils.keyvadapter'
import { KeyvSharedCache } from '@threadmap/stores/keyv'
import { type Cache, createCache } from 'cache-manager'
import { Cacheable } from 'cacheable'
import { Keyv } from 'keyv'
import type { CacheHandle } from 'threadmap/cache'

let keyv: Keyv
let manager: Cache
let cacheable: Cacheable
let apollo: KeyvAdapter

export function open(handle: CacheHandle<string, string>): void {
  const store = () => new KeyvSharedCache(handle)
  keyv = new Keyv({ store: store(), namespace: 'plain', throwOnErrors: true })
  manager = createCache({ stores: [new Keyv({ store: store(), namespace: 'manager' })] })
  cacheable = new Cacheable({ primary: new Keyv({ store: store(), namespace: 'cacheable' }) })
  // Apollo's declarations are CommonJS, for which TypeScript sees another class Keyv.
  apollo = new KeyvAdapter(new Keyv({ store: store(), namespace: 'apollo' }) as never)
}

export const keyvSet = (key: string, value: unknown, ttl?: number) => keyv.set(key, value, ttl)
export const keyvGet = (key: string | string[]) => keyv.get(key as string)
export const keyvDelete = (key: string | string[]) => keyv.delete(key)
export const keyvClear = () => keyv.clear()

let runs = 0
/** cache-manager's main use: the value of a key, made at most once. */
export async function wrap(key: string): Promise<{ value: unknown; runs: number }> {
  const value = await manager.wrap(key, async () => ({ made: ++runs, key }), 60_000)
  return { value, runs }
}
export const managerDelete = (keys: string[]) => manager.mdel(keys)
export const managerGet = (keys: string[]) => manager.mget(keys)
export async function managerSet(entries: [string, unknown][]): Promise<void> {
  await manager.mset(entries.map(([key, value]) => ({ key, value, ttl: 60_000 })))
}

export const cacheableSet = (key: string, value: unknown, ttl?: string) => cacheable.set(key, value, ttl)
export const cacheableGet = (key: string) => cacheable.get(key)
export const cacheableGetOrSet = (key: string, value: string) => cacheable.getOrSet(key, async () => value)
export const cacheableDelete = (key: string) => cacheable.delete(key)

export const apolloSet = (key: string, value: string, seconds?: number) =>
  apollo.set(key, value, seconds === undefined ? undefined : { ttl: seconds })
export const apolloGet = (keys: string[]) => Promise.all(keys.map(key => apollo.get(key)))
export const apolloDelete = (key: string) => apollo.delete(key)
