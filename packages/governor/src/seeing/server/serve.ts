/** A server of its own for the page, the metrics and `threadmap top`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { OptionError } from 'threadmap'
import type { Seen } from '../seen.js'
import { type ListenerOptions, statusListener } from './listener.js'

/** The port of `serve()` and of `threadmap top` without an address. */
export const DEFAULT_PORT = 9474

export interface ServeOptions extends ListenerOptions {
  /** The port; default 9474, and 0 takes any free one. */
  readonly port?: number
  /** The address to listen on; default `127.0.0.1`, which only this machine reaches. */
  readonly host?: string
}

export interface StatusServer extends AsyncDisposable {
  /** Where the page is, such as `http://127.0.0.1:9474/`. */
  readonly url: string
  readonly port: number
  /** Closes the server and its connections. The governor goes on. */
  close(): Promise<void>
}

/**
 * Serves the page of a governor, its metrics and its snapshots. The server keeps no process alive. Call it in one thread: each thread
 * that is attached to the governor sees the figures of all. Rejects with Node's error where the port cannot be had.
 */
export async function serve(governor: Seen, options: ServeOptions = {}): Promise<StatusServer> {
  const { port = DEFAULT_PORT, host = '127.0.0.1', ...rest } = options
  const unknown = Object.keys(rest).filter(name => name !== 'hosts' && name !== 'perShard')
  if (unknown.length > 0) {
    throw new OptionError(`serve() has the options port, host, hosts and perShard, and got ${unknown.join(', ')}`)
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OptionError(`the port of serve() is a whole number from 0 to 65535, and got ${String(port)}`)
  }
  const server = createServer(statusListener(governor, rest))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        error.message = `port ${port} of ${host} is in use; give serve() another, or 0 for any`
      reject(error)
    })
    server.listen(port, host, resolve)
  })
  server.unref()
  const { address, family, port: actual } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}/`,
    port: actual,
    close,
    [Symbol.asyncDispose]: close,
  }

  function close(): Promise<void> {
    return new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}
