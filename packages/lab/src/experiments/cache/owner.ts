/** The thread that has the one lru-cache behind messages. */
import { serve } from '@threadmap/workbench/threads/serve'
import { LRUCache } from 'lru-cache'
import { heapUsed } from './heap.js'
import type { CacheRequest, OwnerCommand } from './protocol.js'

/** `undefined` asks for the bytes that the cache has taken. */
await serve<undefined, OwnerCommand | undefined, number>(() => {
  let before = 0
  let cache: LRUCache<string, string> | undefined
  let ports: OwnerCommand['ports'] = []
  return async command => {
    if (command === undefined) return Math.max(0, heapUsed() - before)
    // The listeners hold the cache before; the ports let go of them a turn after they are closed.
    for (const port of ports) port.close()
    cache?.clear()
    cache = undefined
    await new Promise(resolve => setTimeout(resolve, 10))
    before = heapUsed()
    ports = command.ports
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
