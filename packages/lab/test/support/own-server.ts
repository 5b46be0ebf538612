/** A server such as users have, with one cause planted: `node own-server.js json|mutex|zlib|worker [MS]`. Prints its port. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { deflate } from 'node:zlib'

/** Computes for about this long; the work is chosen by the clock, so that a slow machine does as long. */
function compute(ms: number): number {
  let x = 0
  for (const end = performance.now() + ms; performance.now() < end; ) x += Math.sqrt(x + 1)
  return x
}

/** How long a request is held; zlib takes longer, some 40 ms of processor time. A document's parse takes less, so that it can be repeated to this. */
const HOLD_MS = Number(process.argv[3] ?? 40)

/** One after another, as behind any async lock. */
let last: Promise<unknown> = Promise.resolve()
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return mine
}

function parseBusily(text: string): void {
  for (const end = performance.now() + HOLD_MS; performance.now() < end; ) JSON.parse(text)
}

function startServer(kind: string): void {
  const document = JSON.stringify(Array.from({ length: 2000 }, (_, i) => ({ id: i, name: `item ${i}` })))
  const noise = Buffer.from(Array.from({ length: 2 ** 19 }, (_, i) => (i * 2654435761) >>> 24))
  const worker = kind === 'worker' ? new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }) : undefined
  const answers = new Map<number, () => void>()
  worker?.on('message', (id: number) => answers.get(id)?.())
  let next = 0
  const handlers: Record<string, () => Promise<unknown>> = {
    json: async () => parseBusily(document),
    mutex: () => exclusively(() => sleep(HOLD_MS)),
    zlib: () => Promise.all([0, 1, 2, 3].map(() => new Promise(resolve => deflate(noise, { level: 9 }, resolve)))),
    worker: () =>
      new Promise<void>(resolve => {
        const id = next++
        answers.set(id, resolve)
        worker?.postMessage(id)
      }),
  }
  createServer(async (_, response) => {
    await handlers[kind]?.()
    response.end('done')
  }).listen(0, '127.0.0.1', function (this: { address(): unknown }) {
    console.log((this.address() as AddressInfo).port)
  })
}

if (isMainThread) startServer(process.argv[2])
else {
  parentPort?.on('message', (id: number) => {
    compute(HOLD_MS)
    parentPort?.postMessage(id)
  })
}
