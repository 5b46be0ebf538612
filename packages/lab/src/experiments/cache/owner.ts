/** The thread that has the one lru-cache behind messages. */
import { serve } from '@threadmap/workbench/threads/serve'
import { LRUCache } from 'lru-cache'
import { heapUsed } from './heap.js'
import type { CacheRequest, OwnerCommand } from './protocol.js'

/** `undefined` asks for the bytes that the cache has taken. */
await serve<undefined, OwnerCommand | undefined, number>(() => {
  let before = 0
  let cache: LRUCache<string, string> | undefined
  return command => {
    if (command === undefined) return Math.max(0, heapUsed() - before)
    cache = undefined
    before = heapUsed()
    const own = new LRUCache<string, string>({ max: command.max })
    cache = own
    for (const [i, port] of command.ports.entries()) {
      port.on('message', ([key, value]: CacheRequest) => {
        port.postMessage(value === undefined ? own.get(key) : void own.set(key, value))
        Atomics.add(command.bells[i], 0, 1)
        Atomics.notify(command.bells[i], 0)
      })
    }
    return cache.size
  }
})
