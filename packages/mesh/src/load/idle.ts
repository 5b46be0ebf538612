/** Connections that had an answer each and then stay open without a request. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls'
import { SERVER_NAME } from '../authority/authority.js'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'
import { BODY_BYTES } from '../topology/protocol.js'

export interface IdleOptions {
  readonly port: number
  /** With it, the connections are mTLS ones. */
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined
  readonly signal: AbortSignal
}

const REQUEST = `GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`
/** Connections that are opened at a time: fewer than any backlog. */
const AT_A_TIME = 8
const PATIENCE_MS = 10_000

export class IdleConnections {
  readonly #options: IdleOptions
  readonly #context: SecureContext | undefined
  readonly #sockets = new Set<Socket>()
  #lost = 0

  constructor(options: IdleOptions) {
    this.#options = options
    const { identity } = options
    this.#context =
      identity === undefined ? undefined : createSecureContext({ cert: identity.certificate, key: identity.key })
  }

  /** Connections that are open. */
  get count(): number {
    return this.#sockets.size
  }

  /** Connections that the other side has closed. */
  get lost(): number {
    return this.#lost
  }

  /** Opens connections until there are `count`, each with one request and its answer. `ProxyError` if one is refused. */
  async grow(count: number): Promise<void> {
    while (this.#sockets.size < count) {
      this.#options.signal.throwIfAborted()
      const missing = Math.min(AT_A_TIME, count - this.#sockets.size)
      await Promise.all(Array.from({ length: missing }, () => this.#open()))
    }
  }

  #open(): Promise<void> {
    const { port } = this.#options
    return new Promise((resolve, reject) => {
      const socket =
        this.#context === undefined
          ? connect({ host: LOOPBACK, port }, begin)
          : connectTls(
              {
                host: LOOPBACK,
                port,
                servername: SERVER_NAME,
                secureContext: this.#context,
                // The question is what the connection costs, not whose it is.
                rejectUnauthorized: false,
                ALPNProtocols: ['http/1.1'],
              },
              begin,
            )
      let text = ''
      let isIdle = false
      function begin() {
        socket.write(REQUEST)
      }
      const fail = (why: string) => {
        socket.destroy()
        reject(new ProxyError(`connection ${this.#sockets.size + 1} to port ${port}: ${why}`))
      }
      socket.setTimeout(PATIENCE_MS, () => {
        if (!isIdle) fail(`no answer for ${PATIENCE_MS / 1000} s`)
      })
      socket.on('data', chunk => {
        text += chunk.toString('latin1')
        const head = text.indexOf('\r\n\r\n')
        if (isIdle || head < 0) return
        if (!text.startsWith('HTTP/1.1 200')) fail(`answered "${text.split('\r\n', 1)[0]}"`)
        else if (text.length >= head + 4 + BODY_BYTES) {
          isIdle = true
          text = ''
          this.#sockets.add(socket)
          resolve()
        }
      })
      socket.on('error', error => {
        if (!isIdle) fail(error.message)
      })
      socket.on('close', () => {
        // After `close` of ours the set is empty.
        if (this.#sockets.delete(socket)) this.#lost++
        if (!isIdle) fail('closed')
      })
    })
  }

  close(): void {
    const all = [...this.#sockets]
    this.#sockets.clear()
    for (const socket of all) socket.destroy()
  }
}
