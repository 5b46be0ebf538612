/** The thread that has the stores, one for each server. */
import { serve } from '@threadmap/workbench/threads/serve'
import type { StoreAnswer, StoreCommand, StoreReply, StoreRequest, StoreSetup } from './protocol.js'
import { SlowStore } from './slow-store.js'

await serve<StoreSetup, StoreCommand, StoreReply>(({ seed, ports }) => {
  // Equal seeds: each server's store draws the same times.
  const make = () => ports.map(() => new SlowStore(seed))
  let stores = make()
  for (const [at, own] of ports.entries()) {
    for (const port of own) {
      port.on('message', ([id, shard, write]: StoreRequest) =>
        stores[at].request(shard, write, outcome => {
          const answer: StoreAnswer = [id, outcome, Date.now()]
          port.postMessage(answer)
        }),
      )
    }
  }
  return command => {
    if (command === 'logs') return stores.map(({ log }) => Int32Array.from(log))
    if (command === 'empty') {
      for (const store of stores) store.close()
      stores = make()
    } else {
      for (const store of stores) store.fault = command.fault
    }
    return []
  }
})
