/** Counts what an operator has to do for a change: files to write, commands to give. */
import { renameSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'
import type { Tied } from '../processes/tied.js'

const PATIENCE_MS = 5000

export class Steps {
  readonly #done: string[] = []

  /** What was done, in order. */
  get done(): readonly string[] {
    return this.#done
  }

  /** Writes a file by a rename, so that no reader sees a part of it. Proxies that watch files wait for the rename. */
  write(path: string, text: string): void {
    this.#done.push(`write ${path.split('/').at(-1)}`)
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  signal(process: Tied, signal: NodeJS.Signals): void {
    this.#done.push(`signal ${signal}`)
    process.signal(signal)
  }

  /** A step that is done elsewhere. */
  note(step: string): void {
    this.#done.push(step)
  }

  /** A request to an administration port; the body of the answer. `ProxyError` unless the status is 2xx. */
  call(
    port: number,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<string> {
    this.#done.push(`${method} ${path}`)
    return call(port, method, path, body, headers)
  }

  /** A command to HAProxy's socket; its answer. */
  command(socket: string, text: string): Promise<string> {
    this.#done.push(text.split('\n')[0].split(' <<')[0])
    return socketCommand(socket, text)
  }
}

export function call(
  port: number,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const json =
      text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const sent = request(
      { host: LOOPBACK, port, method, path, agent: false, timeout: PATIENCE_MS, headers: { ...json, ...headers } },
      answer => {
        const chunks: Buffer[] = []
        answer.on('data', chunk => chunks.push(chunk))
        answer.on('end', () => {
          const said = Buffer.concat(chunks).toString()
          const status = answer.statusCode ?? 0
          if (status >= 200 && status < 300) resolve(said)
          else reject(new ProxyError(`${method} ${path} was answered ${status}: ${said.trim().slice(0, 300)}`))
        })
        answer.on('error', reject)
      },
    )
    sent.on('timeout', () =>
      sent.destroy(new ProxyError(`${method} ${path} had no answer for ${PATIENCE_MS / 1000} s`)),
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

function socketCommand(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    const chunks: Buffer[] = []
    socket.setTimeout(PATIENCE_MS, () =>
      socket.destroy(new ProxyError(`${path} had no answer for ${PATIENCE_MS / 1000} s`)),
    )
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()))
    socket.end(`${text}\n`)
  })
}

/** Whether a service that is called by this name answers at the port. */
export function answers(port: number, host: string): Promise<boolean> {
  return call(port, 'GET', '/', undefined, { host }).then(
    () => true,
    () => false,
  )
}
