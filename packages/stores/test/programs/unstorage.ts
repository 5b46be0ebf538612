/** A storage over the cache of another thread. */
import { sharedCacheDriver } from '@threadmap/stores/unstorage'
import { createStorage, type Storage, type StorageValue } from 'unstorage'

let storage: Storage

export function open(handle: Parameters<typeof sharedCacheDriver>[0]): void {
  storage = createStorage({ driver: sharedCacheDriver(handle) })
}
export const setItem = (key: string, value: StorageValue) => storage.setItem(key, value)
export const getItem = (key: string) => storage.getItem(key)
export const removeItem = (key: string) => storage.removeItem(key)
