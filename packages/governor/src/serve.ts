/** `@threadmap/governor/serve`: the page, the metrics and the snapshots over HTTP. Needs `node:http`. */
export { type ListenerOptions, metricsListener, statusListener } from './seeing/server/listener.js'
export { DEFAULT_PORT, type ServeOptions, type StatusServer, serve } from './seeing/server/serve.js'
