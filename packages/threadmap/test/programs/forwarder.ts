/** A worker that forwards handles to workers of its own and never opens a map itself. */
import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import type { HolderTask } from './holder.js'

export interface ForwarderTask {
  /** The module of the library that it imports, if any. */
  readonly loads: 'threadmap' | 'threadmap/watch' | undefined
}

/** `create`: a worker with this task. `kill`: terminates that worker. Both are answered when they are done. */
export type ForwarderMessage = { create: HolderTask } | { kill: true }

const { loads } = workerData as ForwarderTask
if (loads === 'threadmap') await import('threadmap')
if (loads === 'threadmap/watch') await import('threadmap/watch')

let child: Worker | undefined
parentPort!.on('message', async (message: ForwarderMessage) => {
  if ('create' in message) {
    child = new Worker(new URL('./holder.js', import.meta.url), { workerData: message.create })
    await once(child, 'online')
  } else {
    await child?.terminate()
  }
  parentPort!.postMessage('done')
})
parentPort!.postMessage('ready')
