/** A worker with an HTTP server whose requests are limited by one of the packages. Posts its port; counts in shared memory the requests that pass. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import rateLimitOfFastify from '@fastify/rate-limit'
import type { LimitsHandle } from '@threadmap/stores/rate-limit'
import { SharedStore } from '@threadmap/stores/rate-limit/express'
import { sharedStore } from '@threadmap/stores/rate-limit/fastify'
import { RateLimiterShared } from '@threadmap/stores/rate-limit/flexible'
import express from 'express'
import { rateLimit } from 'express-rate-limit'
import Fastify from 'fastify'

export interface App {
  readonly kind: 'express' | 'fastify' | 'flexible'
  readonly limits: LimitsHandle
  readonly limit: number
  readonly passed: Int32Array
}

const { kind, limits, limit, passed } = workerData as App
const WINDOW_MS = 3_600_000

function pass(): string {
  Atomics.add(passed, 0, 1)
  return 'passed'
}

const LISTENERS: Record<App['kind'], () => Promise<RequestListener>> = {
  async express() {
    const app = express()
    app.use(rateLimit({ windowMs: WINDOW_MS, limit, store: new SharedStore({ limits }) }))
    app.get('/', (_request, response) => {
      response.send(pass())
    })
    return app
  },
  async fastify() {
    let listener: RequestListener | undefined
    const app = Fastify({
      serverFactory: handler => {
        listener = handler
        return createServer()
      },
    })
    await app.register(rateLimitOfFastify, { max: limit, timeWindow: WINDOW_MS, store: sharedStore({ limits }) })
    app.get('/', async () => pass())
    await app.ready()
    return listener!
  },
  async flexible() {
    const limiter = new RateLimiterShared({ points: limit, duration: WINDOW_MS / 1000, limits })
    return async (request, response) => {
      try {
        await limiter.consume(request.socket.remoteAddress ?? '')
        response.end(pass())
      } catch {
        response.writeHead(429).end()
      }
    }
  },
}

const server = createServer(await LISTENERS[kind]()).listen(0, '127.0.0.1', () =>
  parentPort!.postMessage((server.address() as AddressInfo).port),
)
