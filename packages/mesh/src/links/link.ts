/** A link of ours that makes connections worse: it delays, stalls, cuts and drops. For faults, and to prove that a difference is found. */
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '@threadmap/workbench/errors'
import { ProxyError } from '../processes/errors.js'
import { Tied } from '../processes/tied.js'
import { accepts } from '../subjects/proxy-pair.js'
import { DONE, type LinkCommand, type LinkPlan, type Quality, type Route } from './protocol.js'

export interface LinkOptions extends Partial<Quality> {
  /** The folder of its log and its control socket. */
  readonly folder: string
  /** Unique within the folder. */
  readonly name: string
  readonly routes: readonly Route[]
  readonly seed?: number
}

const MOST_DELAY_MS = 60_000
/** The process of a link on a busy machine may wait for its turn. */
const PATIENCE_MS = 10_000

/** A link that runs; it ends with this process. */
export class Link {
  readonly #process: Tied
  readonly #control: string

  private constructor(process: Tied, control: string) {
    this.#process = process
    this.#control = control
  }

  /** Starts a link; it accepts connections at all its ports when this returns. */
  static async start({ folder, name, routes, seed = 1, ...quality }: LinkOptions): Promise<Link> {
    check(quality)
    const control = join(folder, `link-${name}.sock`)
    const plan: LinkPlan = { delayMs: 0, loss: 0, isCut: false, ...quality, routes, seed, control }
    const tied = await Tied.start({
      name: `the link ${name}`,
      program: process.execPath,
      args: [fileURLToPath(new URL('./program.js', import.meta.url)), JSON.stringify(plan)],
      folder,
      log: join(folder, `link-${name}.log`),
    })
    try {
      for (const { port, host } of routes) await tied.ready(() => accepts(port, host))
    } catch (error) {
      await tied.kill()
      throw error
    }
    return new Link(tied, control)
  }

  /** Changes how the link carries data; what is left out stays. When this returns, the change is in force. */
  async change(command: LinkCommand): Promise<void> {
    check(command)
    const said = await ask(this.#control, `${JSON.stringify(command)}\n`)
    if (said !== DONE) throw this.#process.problem(`did not take ${JSON.stringify(command)}`)
  }

  async stop(): Promise<void> {
    await this.#process.kill()
  }
}

function check({ delayMs = 0, loss = 0 }: Partial<Quality>): void {
  if (!(delayMs >= 0 && delayMs <= MOST_DELAY_MS)) {
    throw new UsageError(`a link's delay is 0 to ${MOST_DELAY_MS} ms, not ${delayMs}; give another delayMs`)
  }
  if (!(loss >= 0 && loss <= 1)) {
    throw new UsageError(`a link's loss is a share of 0 to 1, not ${loss}; give another loss`)
  }
}

function ask(path: string, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path })
    let said = ''
    socket.setEncoding('utf8')
    socket.setTimeout(PATIENCE_MS, () =>
      socket.destroy(new ProxyError(`a link did not answer for ${PATIENCE_MS / 1000} s`)),
    )
    socket.on('data', piece => {
      said += piece
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(said))
    socket.write(line)
  })
}
