import { Client, type Dispatcher } from 'undici'

/** `undefined`: the connection failed, or the client gave up. */
export type Done = (status: number | undefined, body: string) => void

interface Connection {
  client: Client
  /** Ends the request that is in progress. */
  end: Done | undefined
}

/** More connections would need more open files than systems allow; a request beyond is not sent. */
export const MOST_CONNECTIONS = 1000

/**
 * Clients of one worker of a server, each with a connection of its own. There are as many as requests are in progress, so that a slow
 * answer delays no other request before the server has it. The connection that was used last is used first.
 */
export class Clients {
  readonly #origin: string
  readonly #free: Connection[] = []
  readonly #all = new Set<Connection>()

  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}`
  }

  /** Sends a request. Returns a function that gives it up; `done` is called once. */
  send(method: 'GET' | 'POST', path: string, done: Done): () => void {
    const connection = this.#free.pop() ?? this.#connect()
    if (connection === undefined) {
      done(undefined, '')
      return () => {}
    }
    let status = 0
    let body = ''
    const end: Done = (code, text) => {
      if (connection.end !== end) return
      connection.end = undefined
      if (code !== undefined) this.#free.push(connection)
      else this.#drop(connection)
      done(code, text)
    }
    connection.end = end
    const handler: Dispatcher.DispatchHandlers = {
      onConnect() {},
      onHeaders(code) {
        status = code
        return true
      },
      onData(chunk) {
        body += chunk.toString('latin1')
        return true
      },
      onComplete: () => end(status, body),
      onError: () => end(undefined, ''),
    }
    connection.client.dispatch({ method, path, body: null, headers: null }, handler)
    return () => end(undefined, '')
  }

  #connect(): Connection | undefined {
    if (this.#all.size >= MOST_CONNECTIONS) return undefined
    const client = new Client(this.#origin, {
      pipelining: 1,
      // No time-out of undici: the load generator's counts from the intended time, which undici does not know.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 600_000,
    })
    const connection: Connection = { client, end: undefined }
    this.#all.add(connection)
    return connection
  }

  #drop(connection: Connection): void {
    this.#all.delete(connection)
    connection.client.destroy().catch(() => {})
  }

  close(): void {
    for (const connection of this.#all) connection.client.destroy().catch(() => {})
  }
}
