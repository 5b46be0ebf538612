/** One of the threads that replay a trace: each request is a look into the cache, and after a miss a value that is made and set. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { serve } from '@threadmap/workbench/threads/serve'
import { flat } from '@threadmap/workbench/workload'
import { LRUCache } from 'lru-cache'
import { SharedCache } from 'threadmap/cache'
import { Histogram } from 'threadmap/histogram'
import { heapUsed } from './heap.js'
import type { CacheRequest, CacheStore, ReplayCommand, ReplayReply } from './protocol.js'

/** Requests that a thread takes at a time: one addition to a shared word for each would cost as much as a hit. */
const TURN = 8
/** One request in this many is timed. */
const SAMPLE = 8
/** An answer takes microseconds; an owner that does not answer for this long has died. */
const ANSWER_LIMIT_MS = 30_000

interface Cache {
  get(key: string): string | undefined
  set(key: string, value: string): unknown
  close(): void
}

await serve<undefined, ReplayCommand, ReplayReply>((_, { meet }) => {
  let last: Cache | undefined
  return command => {
    last?.close()
    last = undefined
    const isPrivate = command.store.type === 'private'
    const before = isPrivate ? heapUsed() : 0
    const cache = open(command.store)
    last = cache
    meet()
    const reply = replay(cache, command)
    return { ...reply, heapBytes: isPrivate ? Math.max(0, heapUsed() - before) : 0 }
  }
})

function replay(cache: Cache, { requests, position, valueBytes }: ReplayCommand): Omit<ReplayReply, 'heapBytes'> {
  const latency = new Histogram()
  let hits = 0
  let done = 0
  const began = performance.now()
  for (let from = Atomics.add(position, 0, TURN); from < requests.length; from = Atomics.add(position, 0, TURN)) {
    const to = Math.min(from + TURN, requests.length)
    for (let at = from; at < to; at++) {
      const number = requests[at]
      const timed = done++ % SAMPLE === 0
      const start = timed ? performance.now() : 0
      const key = `item:${number}`
      if (cache.get(key) !== undefined) hits++
      else cache.set(key, made(number, valueBytes))
      if (timed) latency.record((performance.now() - start) * 1e6)
    }
  }
  return { requests: done, hits, ms: performance.now() - began, latency: latency.handle }
}

/** A value of its own for each entry, as a backend would send it. */
function made(number: number, bytes: number): string {
  return flat(`${number}:`.padEnd(bytes, 'v'))
}

function open(store: CacheStore): Cache {
  switch (store.type) {
    case 'shared': {
      const cache = SharedCache.attach(store.handle)
      return {
        get: key => cache.get(key),
        set: (key, value) => cache.set(key, value),
        close: () => cache[Symbol.dispose](),
      }
    }
    case 'private': {
      const cache = new LRUCache<string, string>({ max: store.max })
      return { get: key => cache.get(key), set: (key, value) => cache.set(key, value), close: () => cache.clear() }
    }
    case 'messages': {
      const { port, bell } = store
      return {
        get: key => ask(port, bell, [key]),
        set: (key, value) => ask(port, bell, [key, value]),
        close: () => port.close(),
      }
    }
  }
}

/** Sends one request, and sleeps until it is answered. */
function ask(port: MessagePort, bell: Int32Array, request: CacheRequest): string | undefined {
  const rung = Atomics.load(bell, 0)
  port.postMessage(request)
  const limit = performance.now() + ANSWER_LIMIT_MS
  let received = receiveMessageOnPort(port)
  // The bell rings when the answer is sent, and the answer may arrive later.
  while (received === undefined) {
    if (performance.now() > limit)
      throw new Error(`the thread that has the cache did not answer in ${ANSWER_LIMIT_MS} ms`)
    Atomics.wait(bell, 0, rung, 10)
    received = receiveMessageOnPort(port)
  }
  return received.message as string | undefined
}
