/** A proxy of ours that makes a connection worse: it delays, stalls and cuts. For faults, and to prove that a difference is found. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '@threadmap/workbench/errors'
import { Tied } from '../processes/tied.js'
import { accepts } from '../subjects/proxy-pair.js'
import type { LinkPlan } from './protocol.js'

export interface LinkOptions extends Pick<LinkPlan, 'port' | 'target'> {
  /** The folder of its log. */
  readonly folder: string
  /** Milliseconds in each direction (default 0). */
  readonly delayMs?: number
  /** The share of pieces that stall, 0 to 1 (default 0). */
  readonly loss?: number
  readonly seed?: number
}

/** A link that runs; it ends with this process. */
export class Link {
  readonly #process: Tied
  #isCut = false

  private constructor(process: Tied) {
    this.#process = process
  }

  /** Starts a link from `port` to `target`, both on the loopback interface; it accepts connections when this returns. */
  static async start({ folder, delayMs = 0, loss = 0, seed = 1, ...ports }: LinkOptions): Promise<Link> {
    if (!(delayMs >= 0 && delayMs <= MOST_DELAY_MS)) {
      throw new UsageError(`a link's delay is 0 to ${MOST_DELAY_MS} ms, not ${delayMs}; give another delayMs`)
    }
    if (!(loss >= 0 && loss <= 1))
      throw new UsageError(`a link's loss is a share of 0 to 1, not ${loss}; give another loss`)
    const plan: LinkPlan = { ...ports, delayMs, loss, seed }
    const tied = await Tied.start({
      name: `the link to port ${ports.target}`,
      program: process.execPath,
      args: [fileURLToPath(new URL('./program.js', import.meta.url)), JSON.stringify(plan)],
      folder,
      log: join(folder, `link-${ports.port}.log`),
    })
    try {
      await tied.ready(() => accepts(ports.port))
    } catch (error) {
      await tied.kill()
      throw error
    }
    return new Link(tied)
  }

  /** Cuts the link: open connections stay open, and nothing passes. Safe to call again. */
  cut(): void {
    if (!this.#isCut) this.#process.signal('SIGUSR2')
    this.#isCut = true
  }

  /** Joins the link again; what was sent meanwhile passes then. */
  join(): void {
    if (this.#isCut) this.#process.signal('SIGUSR2')
    this.#isCut = false
  }

  async stop(): Promise<void> {
    await this.#process.kill()
  }
}

/** A longer delay would outlast every patience. */
const MOST_DELAY_MS = 60_000
