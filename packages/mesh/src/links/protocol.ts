/** What a link is told: plain data, so that it fits into an argument of its process, or a line to it. */

/** A way through a link; both ends are on the loopback interface. */
export interface Route {
  /** Where the link listens. */
  readonly port: number
  /** Where it connects to. */
  readonly target: number
  /** Another address of 127.0.0.0/8 to listen at. */
  readonly host?: string
  readonly targetHost?: string
  /** Whether UDP passes too, from and to the same ports. */
  readonly datagrams?: boolean
}

/** How a link carries what passes. */
export interface Quality {
  /** Milliseconds for which every piece of data waits in each direction. */
  readonly delayMs: number
  /** The share of pieces, 0 to 1, that are "lost": TCP sends a lost segment again, so the application sees a stall of `STALL_MS`. */
  readonly loss: number
  /** Nothing passes, and nobody is told, as with a cable that is pulled. */
  readonly isCut: boolean
}

export interface LinkPlan extends Quality {
  readonly routes: readonly Route[]
  /** The path of the socket at which it takes commands. */
  readonly control: string
  /** All random choices follow from it. */
  readonly seed: number
}

/** A line of JSON to the control socket; it is answered by `DONE` when it is in force. */
export interface LinkCommand extends Partial<Quality> {
  /** Closes all connections, as a router that restarts does. */
  readonly drop?: boolean
}

export const DONE = 'done'

/** The least time after which Linux sends a lost segment again (TCP_RTO_MIN), in ms. */
export const STALL_MS = 200
