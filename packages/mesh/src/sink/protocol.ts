/** The path of requests whose traces count: those of requests that find out whether a proxy is ready do not. */
export const COUNTED_PATH = '/counted'

/** What a sink has received since it was last emptied: plain data. */
export interface Received {
  /** Traces of which at least one span names `COUNTED_PATH`. */
  readonly traces: number
  /** All spans of these traces. */
  readonly spans: number
  /** Exports of spans, each with one span or many. */
  readonly exports: number
  /** Lines of statsd. */
  readonly metrics: number
  /** Exports that could not be read. */
  readonly unreadable: number
}

export type SinkCommand = 'read' | 'empty'
