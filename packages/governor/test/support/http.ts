import { type IncomingHttpHeaders, request } from 'node:http'

export interface Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request to a server on loopback, with any headers: `fetch` would not let a test choose the `Host`. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', host, headers = {} }: { method?: string; host?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        headers: { ...headers, host: host ?? `127.0.0.1:${port}` },
      },
      answer => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }))
      },
    )
    outgoing.on('error', reject).end()
  })
}
