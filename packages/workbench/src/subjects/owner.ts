/** The thread that owns the `Map` in message passing: it answers what the others ask. */
import type { MessagePort } from 'node:worker_threads'
import { serve } from '../threads/serve.js'
import type { Workload } from '../workload.js'
import { fill, type Request, type Value } from './stores.js'

export interface OwnerCommand {
  readonly workload: Workload
  readonly ports: readonly MessagePort[]
  /** One bell for each port, which is rung when the answer is sent. */
  readonly bells: readonly Int32Array[]
}

await serve<undefined, OwnerCommand, undefined>(() => ({ workload, ports, bells }) => {
  const map = new Map<string, Value>()
  fill(map, workload)
  for (const [i, port] of ports.entries()) {
    port.on('message', (requests: readonly Request[]) => {
      port.postMessage(requests.map(([key, value]) => answer(map, key, value)))
      Atomics.add(bells[i], 0, 1)
      Atomics.notify(bells[i], 0)
    })
  }
  return undefined
})

function answer(map: Map<string, Value>, key: string, value: Value | null | undefined): Value | undefined {
  if (value === undefined) return map.get(key)
  if (value === null) map.delete(key)
  else map.set(key, value)
  return undefined
}
