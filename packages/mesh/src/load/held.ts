/** Connections of one client that stay open and are used again and again: what a change does to connections that were there before it. */
import { connect, type TLSSocket } from 'node:tls'
import { SERVER_NAME } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'

const REQUEST = `GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`
/** Milliseconds between two requests of a connection. */
const EVERY_MS = 50
const PATIENCE_MS = 5000

export interface HeldResult {
  readonly count: number
  /** Times at which the other side closed a connection, in ms of `performance.now()`, in order. */
  readonly closed: readonly number[]
  /** Answers to requests of connections that stayed open that were no success. */
  readonly failed: number
}

export class HeldConnections {
  readonly #sockets: TLSSocket[] = []
  readonly #closed: number[] = []
  readonly #timer: NodeJS.Timeout
  #failed = 0
  #isEnding = false

  private constructor() {
    this.#timer = setInterval(() => {
      for (const socket of this.#sockets) if (socket.writable) socket.write(REQUEST)
    }, EVERY_MS)
  }

  /** Opens `count` mTLS connections. `ProxyError` if one is not let in. */
  static async open(
    port: number,
    identity: { readonly certificate: string; readonly key: string },
    count: number,
  ): Promise<HeldConnections> {
    const held = new HeldConnections()
    try {
      await Promise.all(Array.from({ length: count }, () => held.#open(port, identity)))
      return held
    } catch (error) {
      held.end()
      throw error
    }
  }

  #open(port: number, identity: { readonly certificate: string; readonly key: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        {
          host: LOOPBACK,
          port,
          servername: SERVER_NAME,
          cert: identity.certificate,
          key: identity.key,
          rejectUnauthorized: false,
          ALPNProtocols: ['http/1.1'],
        },
        () => socket.write(REQUEST),
      )
      let isOpen = false
      socket.setTimeout(PATIENCE_MS, () => {
        if (!isOpen) socket.destroy(new Error(`no answer for ${PATIENCE_MS / 1000} s`))
      })
      socket.on('data', chunk => {
        for (const [, status] of chunk.toString('latin1').matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
          if (Number(status) >= 400) this.#failed++
        }
        if (isOpen) return
        isOpen = true
        this.#sockets.push(socket)
        resolve()
      })
      socket.on('error', error => {
        if (!isOpen) reject(new ProxyError(`a connection to port ${port} was not let in: ${error.message}`))
      })
      // The client that holds them never closes one before `end`.
      socket.on('end', () => socket.destroy())
      socket.on('close', () => {
        if (!isOpen) reject(new ProxyError(`a connection to port ${port} was closed before an answer`))
        else if (!this.#isEnding) this.#closed.push(performance.now())
      })
    })
  }

  /** Closes what is open. */
  end(): HeldResult {
    clearInterval(this.#timer)
    this.#isEnding = true
    for (const socket of this.#sockets) socket.destroy()
    return { count: this.#sockets.length, closed: this.#closed, failed: this.#failed }
  }
}
