import { type TransferListItem, Worker } from 'node:worker_threads'
import { SubjectError } from '../errors.js'
import type { Briefing, FromMember } from './protocol.js'

export interface TeamOptions<Setup> {
  /** The subject's name, for errors. */
  readonly name: string
  /** The program of each member, which calls `serve`. */
  readonly program: URL
  readonly members: number
  /** The setup of each member; structured-cloneable. */
  readonly setup: (index: number) => Setup
  readonly transfer?: ((index: number) => readonly TransferListItem[]) | undefined
  readonly signal: AbortSignal
  /** Flags of V8 and Node for the members: `execArgv` of `Worker`. */
  readonly execArgv?: readonly string[] | undefined
  readonly resourceLimits?: { readonly maxYoungGenerationSizeMb?: number; readonly maxOldGenerationSizeMb?: number }
}

/** Milliseconds after which a member without an answer counts as hung. Rounds take seconds at most. */
const PATIENCE_SECONDS = 60

/**
 * Worker threads that run one program at the same time: the team of one subject. Every wait ends: by an answer, an
 * error of a member, its early exit, the patience, or the signal. The caller must call `stop` in any case.
 */
export class Team<Command, Reply> {
  readonly name: string
  readonly #workers: Worker[] = []
  readonly #failed: Promise<never>
  readonly #signal: AbortSignal
  readonly #abort = () => this.#fail(this.#signal.reason)
  readonly #replies = new Map<Worker, (message: FromMember<Reply>) => void>()
  #fail: (reason: unknown) => void = () => {}
  #stopping = false

  private constructor(name: string, signal: AbortSignal) {
    this.name = name
    this.#signal = signal
    this.#failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // A member may fail while no wait is pending; the next wait then rejects.
    this.#failed.catch(() => {})
    signal.addEventListener('abort', this.#abort)
  }

  /** Starts all members and waits until each has prepared itself. */
  static async start<Setup, Command, Reply>(options: TeamOptions<Setup>): Promise<Team<Command, Reply>> {
    options.signal.throwIfAborted()
    const team = new Team<Command, Reply>(options.name, options.signal)
    const barrier = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    try {
      for (let index = 0; index < options.members; index++) {
        const briefing: Briefing<Setup> = { setup: options.setup(index), index, members: options.members, barrier }
        team.#enlist(options, briefing)
      }
      await team.#answers(PATIENCE_SECONDS)
      return team
    } catch (error) {
      await team.stop()
      throw error
    }
  }

  #enlist<Setup>({ program, transfer, execArgv, resourceLimits }: TeamOptions<Setup>, briefing: Briefing<Setup>): void {
    const worker = new Worker(program, {
      workerData: briefing,
      ...(transfer === undefined ? {} : { transferList: [...transfer(briefing.index)] }),
      ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    })
    worker.on('message', (message: FromMember<Reply>) => {
      if (message.type === 'failed') this.#fail(new SubjectError(`${this.name} failed: ${message.reason}`))
      else this.#replies.get(worker)?.(message)
    })
    worker.on('error', error =>
      this.#fail(new SubjectError(`${this.name} failed: ${String(error).replaceAll(/\s+/g, ' ')}`)),
    )
    worker.on('exit', code => {
      if (!this.#stopping) this.#fail(new SubjectError(`${this.name}: a worker ended early, with code ${code}`))
    })
    this.#workers.push(worker)
  }

  /** The workers, for `map.watch(worker)`. */
  get workers(): readonly Worker[] {
    return this.#workers
  }

  /** Sends the same command to all members and waits for all replies, in the order of the members. */
  ask(command: Command, patienceSeconds = PATIENCE_SECONDS): Promise<Reply[]> {
    return this.askEach(() => command, patienceSeconds)
  }

  /** Sends each member a command of its own and waits for all replies. */
  async askEach(
    command: (index: number) => Command,
    patienceSeconds = PATIENCE_SECONDS,
    transfer: (index: number) => readonly TransferListItem[] = () => [],
  ): Promise<Reply[]> {
    const answers = this.#answers(patienceSeconds)
    for (const [index, worker] of this.#workers.entries()) {
      worker.postMessage({ command: command(index) }, transfer(index))
    }
    const messages = await answers
    return messages.map(message => {
      if (message.type !== 'reply') throw new SubjectError(`${this.name}: a worker answered ${message.type}`)
      return message.reply
    })
  }

  async #answers(patienceSeconds: number): Promise<FromMember<Reply>[]> {
    let patience: NodeJS.Timeout | undefined
    const hung = new Promise<never>((_, reject) => {
      patience = setTimeout(
        () =>
          reject(
            new SubjectError(`${this.name} did not answer for ${patienceSeconds} s: it hangs, or is far too slow`),
          ),
        patienceSeconds * 1000,
      )
    })
    const all = this.#workers.map(
      worker =>
        new Promise<FromMember<Reply>>(resolve => {
          this.#replies.set(worker, resolve)
        }),
    )
    try {
      return await Promise.race([Promise.all(all), this.#failed, hung])
    } finally {
      clearTimeout(patience)
    }
  }

  /** Terminates all members, whatever they are doing. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#signal.removeEventListener('abort', this.#abort)
    await Promise.all(this.#workers.map(worker => worker.terminate()))
  }
}
