import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { UsageError } from '@threadmap/workbench/errors'
import { codeOf } from '@threadmap/workbench/files'
import type { Destination, Request } from '@threadmap/workbench/load/protocol'
import { TIME_OUT_MS } from '@threadmap/workbench/load/tally'
import { Client } from 'undici'

/** A server that another program runs, and that may be put under load. */
export interface Foreign {
  readonly url: string
  readonly destination: Destination
  readonly request: Request
  readonly remote: boolean
}

/**
 * The server at `url`. `UsageError` if `url` is no HTTP address, or is not on this machine and `allowRemote` is not given. The
 * name is resolved only once, so that the load goes to the address that was allowed.
 */
export async function foreignServer(url: string, allowRemote: boolean): Promise<Foreign> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`--target ${url} is no HTTP address; give one like http://127.0.0.1:8080/path`)
  }
  const { origin, hostname, pathname, search } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  let found: { readonly address: string; readonly family: number }
  try {
    found = await lookup(host)
  } catch (error) {
    throw new UsageError(`--target ${url}: there is no host ${host} (${codeOf(error)}); correct the address`)
  }
  const remote = !isLoopback(found.address)
  if (remote && !allowRemote) {
    throw new UsageError(
      `--target ${url} is not on this machine (${found.address}), and a load can harm it; add --allow-remote if it is yours to load`,
    )
  }
  return {
    url,
    destination: { origin, address: found.address, family: found.family === 6 ? 6 : 4 },
    request: { method: 'GET', path: pathname + search },
    remote,
  }
}

export function isLoopback(address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('127.') : address === '::1' || address.startsWith('::ffff:127.')
}

/** Sends one request, and throws a `UsageError` that says what to do if it does not succeed. */
export async function askOnce({ url, destination, request }: Foreign): Promise<void> {
  const { origin, address, family } = destination
  const client = new Client(origin, {
    connect: {
      timeout: TIME_OUT_MS,
      lookup: (_, options, callback) => {
        if (options.all) callback(null, [{ address, family }])
        else callback(null, address, family)
      },
    },
  })
  let status: number
  try {
    const signal = AbortSignal.timeout(TIME_OUT_MS)
    const { statusCode, body } = await client.request({ ...request, signal })
    status = statusCode
    for await (const _ of body) signal.throwIfAborted()
  } catch (error) {
    throw new UsageError(`--target ${url} ${problem(error)}`)
  } finally {
    await client.destroy()
  }
  if (status >= 400) {
    throw new UsageError(`--target ${url} answered ${status}; give an address that answers with a status below 400`)
  }
}

function problem(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED')
    return 'refuses connections: nothing listens there; start the server, or correct the address'
  if (/Timeout|TIMEOUT|TIMEDOUT/.test(`${code} ${error instanceof Error ? error.name : ''}`)) {
    return `did not answer within ${TIME_OUT_MS / 1000} s; see why it hangs, or give another address`
  }
  if (['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(code)) {
    return 'closed the connection before its answer was whole; see the log of that server, or give another address'
  }
  return `gave no HTTP answer (${code.replaceAll(/\s+/g, ' ')}); give the address of an HTTP server`
}
