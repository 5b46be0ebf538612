/** Workers that run `programs/worker.ts`. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { GovernorHandle, GovernorOptions } from '@threadmap/governor'
import type { Told } from '../programs/worker.js'

export interface Member {
  readonly worker: Worker
  readonly handle: GovernorHandle
  readonly transitions: number[][]
  readonly results: unknown[]
  /** Tells the worker, and waits until it has done so. */
  tell(told: Told): Promise<void>
}

export async function member(data: { handle?: GovernorHandle; options?: GovernorOptions }): Promise<Member> {
  const worker = new Worker(new URL('../programs/worker.js', import.meta.url), { workerData: data })
  const transitions: number[][] = []
  const results: unknown[] = []
  const [{ handle }] = await once(worker, 'message')
  worker.on('message', message => {
    if (message.transition) transitions.push(message.transition)
    if (message.result) results.push(message.result)
  })
  return {
    worker,
    handle,
    transitions,
    results,
    tell(told) {
      return new Promise((resolve, reject) => {
        const listen = (message: { done?: string }) => {
          if (message.done !== told.do) return
          worker.off('message', listen)
          resolve()
        }
        worker.on('message', listen)
        worker.once('error', reject)
        worker.postMessage(told)
      })
    },
  }
}
