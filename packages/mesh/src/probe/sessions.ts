/** Connections one after another, new or resumed, each until the first byte of its answer. */
export interface SessionsCommand {
  readonly port: number
  readonly identity: { readonly certificate: string; readonly key: string }
  /** Connections that are made. */
  readonly count: number
  /** Whether each connection offers the newest session of those before it. */
  readonly resume: boolean
}

export interface SessionsReply {
  /** From the begin of each connection to the first byte of its answer, in ms. Of a resumed round, those of resumed connections alone. */
  readonly ms: readonly number[]
  /** Connections in which the server resumed the session, as TLS itself says. */
  readonly resumed: number
  /** Connections that were made, the first one of a resumed round not among them. */
  readonly made: number
  /** Processor time of the client's thread for a connection, in ms; 0 where the system does not tell. */
  readonly clientMs: number
  /** Why a connection failed: the first such reason. */
  readonly failure?: string
}
