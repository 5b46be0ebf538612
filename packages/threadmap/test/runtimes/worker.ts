/** The program of the workers: does the jobs that come as messages, and answers each. */
import { type Job, perform } from './jobs.js'
import { isNode } from './library.js'

export type Request = Job & { id: number }

export interface Reply {
  id: number
  result?: unknown
  error?: string
}

async function reply(request: Request): Promise<Reply> {
  try {
    const result = perform(request)
    return { id: request.id, result: result instanceof Promise ? await result : result }
  } catch (error) {
    // A stack of JavaScriptCore does not contain the message; a stack of V8 begins with it.
    const text = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error)
    return { id: request.id, error: text }
  }
}

// In a browser a message is lost that arrives while a module of the worker awaits something: so the worker sends the first
// message, with number 0.
const ready: Reply = { id: 0, result: true }
if (isNode) {
  const { parentPort } = await import('node:worker_threads')
  parentPort?.on('message', async (request: Request) => parentPort.postMessage(await reply(request)))
  parentPort?.postMessage(ready)
} else {
  self.onmessage = async (event: MessageEvent<Request>) => self.postMessage(await reply(event.data))
  self.postMessage(ready)
}
