/** What a link is told: plain data, so that it fits into an argument of its process. */
export interface LinkPlan {
  /** Where it listens, on the loopback interface. */
  readonly port: number
  /** Where it connects to, on the loopback interface. */
  readonly target: number
  /** Milliseconds for which every piece of data waits in each direction. */
  readonly delayMs: number
  /** The share of pieces, 0 to 1, that are "lost": TCP sends a lost segment again, so the application sees a stall of `STALL_MS`. */
  readonly loss: number
  /** All random choices follow from it. */
  readonly seed: number
}

/** The least time after which Linux sends a lost segment again (TCP_RTO_MIN), in ms. */
export const STALL_MS = 200
