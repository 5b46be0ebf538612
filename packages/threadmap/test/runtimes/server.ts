import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { packageFolder } from './runtimes.js'

/** The folders that the server serves: the library as it is published, and these helpers. */
const SERVED = /^\/(dist|build\/test\/(runtimes|support))\/[\w/.-]+\.js$/

/** A file that a test makes up: its text, and headers that replace those of an isolated page. */
export interface Extra {
  text: string
  headers?: Record<string, string>
}

const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>threadmap</title>'

/** These headers make a page cross-origin isolated, without which there is no shared memory. Workers need the second one too. */
const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

/** Serves the package's plain ES modules on loopback, and what `extra` names by its path. */
export async function serve(extra: Record<string, Extra> = {}): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const send = (status: number, type: string, body: string | Buffer) =>
      response.writeHead(status, { ...ISOLATED, 'Content-Type': `${type}; charset=utf-8` }).end(body)
    const made = extra[pathname]
    if (made !== undefined) {
      const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
      return response.writeHead(200, { 'Content-Type': type, ...(made.headers ?? ISOLATED) }).end(made.text)
    }
    if (pathname === '/') return send(200, 'text/html', PAGE)
    if (!SERVED.test(pathname) || pathname.includes('..')) return send(404, 'text/plain', 'not here')
    try {
      send(200, 'text/javascript', await readFile(join(packageFolder, pathname)))
    } catch {
      send(404, 'text/plain', 'no such file')
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}
