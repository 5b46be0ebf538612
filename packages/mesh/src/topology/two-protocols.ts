/** A listener that takes HTTP/1.1 and HTTP/2 without TLS at one port, as the server of a mesh does: some proxies of TCP have one port for both. */
import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttp2, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import { LOOPBACK } from '../processes/ports.js'

/** The first bytes of a client that speaks HTTP/2 without asking before (RFC 9113, 3.4). */
const PREFACE = 'PRI'

export interface TwoProtocols {
  readonly http1: RequestListener
  http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void
}

export interface Listening {
  /** Drops all connections. */
  close(): void
}

/** Listens on the loopback interface. The error of the system if the port is in use. */
export function listenForBoth(port: number, { http1, http2 }: TwoProtocols): Promise<Listening> {
  const plain: Server = createHttp(http1)
  // Idle connections stay open: a proxy that sends on one which the server is closing would have an error that is not its own.
  plain.keepAliveTimeout = 600_000
  const multiplexed = createHttp2()
  multiplexed.on('stream', http2)
  // A client that goes away in the middle of a call is no fault of the server.
  multiplexed.on('sessionError', () => {})
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    const fail = () => socket.destroy()
    socket.once('error', fail)
    socket.once('data', first => {
      socket.off('error', fail)
      socket.pause()
      socket.unshift(first)
      // Three bytes always come in one piece: they are the first of a connection.
      if (first.subarray(0, PREFACE.length).toString('latin1') === PREFACE) {
        // It reads what the paused socket has before it takes over; a socket that flows would lose that.
        multiplexed.emit('connection', socket)
      } else {
        plain.emit('connection', socket)
        socket.resume()
      }
    })
  })
  return new Promise((resolve, reject) => {
    listener.once('error', reject)
    listener.listen({ host: LOOPBACK, port, backlog: 1024 }, () => {
      resolve({
        close() {
          listener.close()
          for (const socket of sockets) socket.destroy()
        },
      })
    })
  })
}
