/** Where `threadmap top` gets its figures. */
import type { GovernorSnapshot } from '../../snapshot.js'
import { DEFAULT_PORT } from '../server/serve.js'

/** Milliseconds until an address that accepts the connection and says nothing is given up. */
const PATIENCE_MS = 5_000

/** Ends the command with a line that says why; `exitCode` is the process's. */
export class TopError extends Error {
  override readonly name = 'TopError'
  readonly exitCode = 2
}

/**
 * The address of the snapshots: `9474`, `localhost:9474` and `http://host:port/path/` are understood; without an address, the
 * default of `serve()`.
 */
export function snapshotAddress(address = String(DEFAULT_PORT)): URL {
  const text = /^\d+$/.test(address) ? `127.0.0.1:${address}` : address
  let url: URL
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  } catch {
    throw new TopError(
      `"${address}" is no address; give a port, HOST:PORT or an URL, such as 127.0.0.1:${DEFAULT_PORT}`,
    )
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TopError(`"${address}" is not an address of HTTP; give a port, HOST:PORT or an URL that begins with http`)
  }
  url.search = ''
  url.hash = ''
  if (!url.pathname.endsWith('/snapshot.json')) url.pathname = `${url.pathname.replace(/\/$/, '')}/snapshot.json`
  return url
}

/** The governor's snapshot, and its text as it came. Rejects with a `TopError` that says what to do. */
export async function fetchSnapshot(
  url: URL,
  signal?: AbortSignal,
): Promise<{ snapshot: GovernorSnapshot; text: string }> {
  const timeout = AbortSignal.timeout(PATIENCE_MS)
  let status: number
  let text: string
  try {
    const answer = await fetch(url, { signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) })
    status = answer.status
    text = await answer.text()
  } catch (error) {
    throw new TopError(
      `no answer from ${url.origin} (${reasonOf(error)}); is a program with serve(governor) running there?`,
    )
  }
  if (status !== 200) {
    throw new TopError(
      `${url} answers with status ${status}${/^text|^[ -~]{1,200}$/.test(text.trim()) ? `: ${text.trim().slice(0, 200)}` : ''}`,
    )
  }
  const snapshot = parsed(text)
  if (snapshot === undefined) throw new TopError(`what answers at ${url} is no governor: it gives no snapshot`)
  return { snapshot, text }
}

function parsed(text: string): GovernorSnapshot | undefined {
  try {
    const value = JSON.parse(text) as Partial<GovernorSnapshot> | null
    const isSnapshot =
      typeof value?.at === 'number' &&
      typeof value.all === 'object' &&
      typeof value.objective?.p99 === 'number' &&
      Array.isArray(value.shards) &&
      Array.isArray(value.topKeys) &&
      Array.isArray(value.transitions)
    return isSnapshot ? (value as GovernorSnapshot) : undefined
  } catch {
    return undefined
  }
}

/** `fetch` says "fetch failed"; what happened is in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `nothing within ${PATIENCE_MS / 1000} s`
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors.length > 0) return reasonOf(cause.errors[0])
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : cause.message
  return error.message
}
