import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type JobInput, jobs } from './jobs.js'
import { mapClass } from './maps.js'
import { pairNamed } from './pairs.js'
import { Peer } from './peer.js'

const { port, bells } = workerData as { port: MessagePort; bells: Int32Array }
const peer = new Peer(port, bells, 1)

/** The main thread's requests to this thread apart from the operations of maps. It is object number 1. */
const workshop = {
  attach(kind: string, pair: string, handle: unknown): number {
    return peer.expose(mapClass(kind).attach(handle, { value: pairNamed(pair).value.codec }))
  },
  /** A whole iteration in one message. */
  collect(map: Iterable<unknown>): unknown[] {
    return [...map]
  },
  forget(): void {
    peer.forget()
  },
}
peer.expose(workshop)

peer.serve((id, name, input) => {
  const job = jobs[name]
  try {
    if (job === undefined) throw new Error(`no job is called ${name}`)
    parentPort?.postMessage({ id, result: job(input as JobInput) })
  } catch (error) {
    const { name: kind, message, stack } = error instanceof Error ? error : new Error(String(error))
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    parentPort?.postMessage({ id, failure: { name: kind, message, stack, code } })
  }
})
