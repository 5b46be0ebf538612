/** Ports on the loopback interface. */
import { createServer } from 'node:net'
import { UsageError } from '@threadmap/workbench/errors'

export const LOOPBACK = '127.0.0.1'
const LAST_PORT = 65_535

/** Whether a listener could be opened at `port` now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The first `count` ports from `from` on that are free now; those in use are left out. `UsageError` if there are not so many. */
export async function nextFreePorts(from: number, count: number): Promise<number[]> {
  const found: number[] = []
  for (let port = from; port <= LAST_PORT && found.length < count; port++) if (await isFree(port)) found.push(port)
  if (found.length < count) {
    throw new UsageError(`there are no ${count} free ports from ${from} on; give --ports a lower number`)
  }
  return found
}

/**
 * `count` ports from `from` on, which were free a moment ago. `UsageError` that names the first port in use, since a proxy
 * that cannot bind would fail later and less clearly.
 */
export async function freePorts(from: number, count: number): Promise<number[]> {
  if (!Number.isInteger(from) || from < 1024 || from + count > 65_536) {
    throw new UsageError(
      `ports ${from} to ${from + count - 1} cannot be used; give --ports a number from 1024 to ${65_536 - count}`,
    )
  }
  const ports = Array.from({ length: count }, (_, at) => from + at)
  for (const port of ports) {
    if (!(await isFree(port))) {
      throw new UsageError(
        `port ${port} is in use; give --ports another first port, from which ${count} ports are free`,
      )
    }
  }
  return ports
}
