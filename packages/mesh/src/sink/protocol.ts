/** What a sink has received since it was last emptied: plain data. */
export interface Received {
  readonly spans: number
  /** Different traces among the spans. */
  readonly traces: number
  /** Exports of spans, each with one span or many. */
  readonly exports: number
  /** Lines of statsd. */
  readonly metrics: number
  /** Exports that could not be read. */
  readonly unreadable: number
}

export type SinkCommand = 'read' | 'empty'
