/** A thread that governs calls as it is told: by messages {do, ...}. It makes the governor itself if it gets no handle. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Governor, type GovernorHandle, type GovernorOptions } from '@threadmap/governor'
import { FastMap, json, type MapHandle } from 'threadmap'

interface Data {
  readonly handle?: GovernorHandle
  readonly options?: GovernorOptions
}

export type Told =
  | { readonly do: 'read'; readonly key: string; readonly times: number; readonly every: number }
  | { readonly do: 'hang'; readonly key: string; readonly times: number }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'join'; readonly key: string }
  | { readonly do: 'open'; readonly map: MapHandle }
  | { readonly do: 'get'; readonly key: string; readonly ms: number }

const shardOf = (key: string) => Number(key.split(':')[0])
const { handle, options } = workerData as Data
const governor =
  handle === undefined
    ? new Governor({ ...(options as GovernorOptions), shardOf })
    : Governor.attach(handle, { shardOf })
const port = parentPort!
let map: FastMap<unknown, unknown> | undefined
governor.on('transition', ({ shard, from, to }) => port.postMessage({ transition: [shard, from, to] }))

port.on('message', async (told: Told) => {
  if (told.do === 'read') {
    for (let i = 0; i < told.times; i++) {
      await governor.read(told.key, () => i)
      if (told.every > 0) await sleep(told.every)
    }
  } else if (told.do === 'hang') {
    for (let i = 0; i < told.times; i++) void governor.read(`${told.key}${i}`, () => new Promise(() => {}))
  } else if (told.do === 'block') {
    const end = performance.now() + told.ms
    while (performance.now() < end);
  } else if (told.do === 'open') {
    map = FastMap.attach(told.map)
  } else if (told.do === 'get') {
    for (const end = performance.now() + told.ms; performance.now() < end; await sleep(5)) {
      for (let i = 0; i < 300; i++) map?.get(told.key)
    }
  } else {
    const value = json<string>()
    const result = await governor.read(told.key, () => sleep(2000, `of worker ${told.key}`), { value })
    port.postMessage({ result })
  }
  port.postMessage({ done: told.do })
})
port.postMessage({ handle: governor.handle })
