// Express in two workers, on two ports, with one store of sessions. Run: node examples/stores/sessions.mjs
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { SharedSessionStore } from '@threadmap/stores/express-session'
import express from 'express'
import session from 'express-session'

if (isMainThread) {
  const store = new SharedSessionStore({ max: 100_000 })
  let cookie = ''
  for (const name of ['first', 'second']) {
    const worker = new Worker(new URL(import.meta.url), { workerData: store.handle })
    const [port] = await once(worker, 'message')
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } })
    cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    console.log(`${name} worker: ${await answer.text()}`)
    await worker.terminate()
  }
} else {
  const app = express()
  const store = new SharedSessionStore(workerData)
  app.use(
    session({ store, secret: 'your secret', resave: false, saveUninitialized: false, cookie: { maxAge: 3_600_000 } }),
  )
  app.get('/', (request, answer) => {
    request.session.views = (request.session.views ?? 0) + 1
    answer.send(`view ${request.session.views} of this visitor`)
  })
  const server = app.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
}
