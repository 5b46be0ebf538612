/** Answers the requests of people, of `threadmap top` and of Prometheus. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { CONTENT_SECURITY_POLICY, page } from '../page/page.js'
import { view } from '../page/view.js'
import { PROMETHEUS_CONTENT_TYPE, type PrometheusOptions, prometheus } from '../prometheus.js'
import { type Seen, sparing } from '../seen.js'
import { isAllowedHost } from './hosts.js'

export interface ListenerOptions extends PrometheusOptions {
  /**
   * Names under which the server is reached, beside `localhost` and addresses in digits, such as `app.internal`. A request with
   * another name as its `Host` is refused, since a page of the web could have sent it.
   */
  readonly hosts?: readonly string[]
}

interface Answer {
  readonly type: string
  readonly body: string
}

const ANSWERS: Readonly<Record<string, (governor: Seen, options: PrometheusOptions) => Answer>> = {
  '/': governor => ({ type: 'text/html; charset=utf-8', body: page(governor.snapshot()) }),
  '/view': governor => ({ type: 'text/html; charset=utf-8', body: view(governor.snapshot()).text }),
  '/snapshot.json': governor => ({
    type: 'application/json; charset=utf-8',
    body: `${JSON.stringify(governor.snapshot())}\n`,
  }),
  '/metrics': (governor, options) => ({ type: PROMETHEUS_CONTENT_TYPE, body: prometheus(governor, options) }),
}

/**
 * A listener for a server of `node:http` or `node:https`, with the paths `/` (the page), `/metrics`, `/snapshot.json` and `/view`
 * (the page's updates). Answers other paths with 404 and other methods than GET and HEAD with 405. It asks nobody who they are, and
 * `/`, `/view` and `/snapshot.json` show keys: put it where only your own people reach it.
 */
export function statusListener(governor: Seen, options: ListenerOptions = {}): RequestListener {
  const { hosts = [], ...rest } = options
  const seen = sparing(governor)
  return (request, response) => {
    if (!isAllowedHost(request.headers.host, hosts)) {
      refuse(response, 421, 'This name is not allowed as Host; give it to serve() as one of `hosts`.')
      return
    }
    respond(request, response, seen, rest)
  }
}

/**
 * A listener for Prometheus alone: it answers every GET with the metrics, so mount it at `/metrics` of a server of your own. Metrics
 * have no keys, and the check of the `Host` is left to that server.
 */
export function metricsListener(governor: Seen, options: PrometheusOptions = {}): RequestListener {
  const seen = sparing(governor)
  return (request, response) => respond(request, response, seen, options, '/metrics')
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  governor: Seen,
  options: PrometheusOptions,
  path = pathOf(request),
): void {
  const answer = path !== undefined && Object.hasOwn(ANSWERS, path) ? ANSWERS[path] : undefined
  if (answer === undefined) {
    refuse(response, 404, 'There are /, /metrics and /snapshot.json here.')
    return
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    refuse(response, 405, 'Only GET and HEAD are answered here.')
    return
  }
  let made: Answer
  try {
    made = answer(governor, options)
  } catch (error) {
    // The governor was disposed of, most likely. The program must not end because somebody looks at it.
    refuse(response, 503, `The governor gives no figures: ${error instanceof Error ? error.message : String(error)}`)
    return
  }
  send(response, 200, made, request.method === 'HEAD')
}

function pathOf({ url = '/' }: IncomingMessage): string | undefined {
  return url.startsWith('/') ? url.split('?', 1)[0] : undefined
}

function refuse(response: ServerResponse, status: number, message: string): void {
  send(response, status, { type: 'text/plain; charset=utf-8', body: `${message}\n` }, false)
}

function send(response: ServerResponse, status: number, { type, body }: Answer, isHead: boolean): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
  response.end(isHead ? undefined : body)
}
