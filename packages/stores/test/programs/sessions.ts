/** Servers of express and fastify with sessions over the cache of another thread. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { SharedSessionStore as ExpressStore, type SessionSource } from '@threadmap/stores/express-session'
import { SharedSessionStore as FastifyStore } from '@threadmap/stores/fastify-session'
import express from 'express'
import session from 'express-session'
import fastify from 'fastify'

declare module 'express-session' {
  interface SessionData {
    views: number
  }
}
declare module 'fastify' {
  interface Session {
    views: number
  }
}

const secret = 'a secret that is long enough for both'

/** `/count` counts the views of a session, `/look` only looks at them, `/leave` ends it. Returns the port. */
export async function serveExpress(source: SessionSource, maxAge: number): Promise<number> {
  const app = express()
  const store = new ExpressStore(source)
  const cookie = { maxAge }
  app.use(session({ store, secret, resave: false, saveUninitialized: false, rolling: true, cookie }))
  app.get('/count', (request, answer) => {
    request.session.views = (request.session.views ?? 0) + 1
    answer.json(request.session.views)
  })
  app.get('/look', (request, answer) => void answer.json(request.session.views ?? null))
  app.get('/leave', (request, answer) => request.session.destroy(error => answer.json(error ?? 'left')))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export async function serveFastify(source: SessionSource, maxAge: number): Promise<number> {
  const app = fastify()
  await app.register(fastifyCookie)
  const store = new FastifyStore(source)
  await app.register(fastifySession, { store, secret, saveUninitialized: false, cookie: { secure: false, maxAge } })
  app.get('/count', request => {
    request.session.views = (request.session.views ?? 0) + 1
    return request.session.views
  })
  app.get('/look', (request, answer) => answer.send(JSON.stringify(request.session.views ?? null)))
  app.get('/leave', async request => {
    await request.session.destroy()
    return JSON.stringify('left')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}
