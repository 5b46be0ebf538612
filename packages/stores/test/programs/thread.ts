/** A worker that runs the functions of another module: see `support/threads.ts`. */
import { parentPort, workerData } from 'node:worker_threads'

interface Call {
  id: number
  name: string
  args: unknown[]
}

const program = (await import(workerData.program)) as Record<string, (...args: unknown[]) => unknown>

parentPort!.on('message', async ({ id, name, args }: Call) => {
  try {
    parentPort!.postMessage({ id, result: await program[name](...args) })
  } catch (error) {
    parentPort!.postMessage({ id, error })
  }
})
parentPort!.postMessage({ ready: true })
