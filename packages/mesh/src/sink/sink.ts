/** Where proxies send their spans and metrics, so that their cost is that of a mesh with telemetry, and what arrives is counted. */
import { setTimeout as delay } from 'node:timers/promises'
import { Team } from '@threadmap/workbench/threads/team'
import type { Received, SinkCommand } from './protocol.js'

const POLL_MS = 50

/** A sink in a thread of its own. */
export class Sink {
  readonly port: number
  readonly #team: Team<SinkCommand, Received>
  readonly #signal: AbortSignal

  private constructor(port: number, team: Team<SinkCommand, Received>, signal: AbortSignal) {
    this.port = port
    this.#team = team
    this.#signal = signal
  }

  /** Listens at `port` of the loopback interface: TCP for OTLP, UDP for statsd. */
  static async start(port: number, signal: AbortSignal): Promise<Sink> {
    const team = await Team.start<number, SinkCommand, Received>({
      name: 'the sink of spans and metrics',
      program: new URL('./sink-worker.js', import.meta.url),
      members: 1,
      setup: () => port,
      signal,
    })
    return new Sink(port, team, signal)
  }

  async received(): Promise<Received> {
    const [received] = await this.#team.ask('read')
    return received
  }

  /** Forgets what was received. */
  async empty(): Promise<void> {
    await this.#team.ask('empty')
  }

  /** Waits until `isEnough` holds of what was received, for `patienceMs` at most: proxies send spans in batches. @returns what was received */
  async until(isEnough: (received: Received) => boolean, patienceMs: number): Promise<Received> {
    const until = performance.now() + patienceMs
    for (;;) {
      const received = await this.received()
      if (isEnough(received) || performance.now() > until) return received
      this.#signal.throwIfAborted()
      await delay(POLL_MS)
    }
  }

  async stop(): Promise<void> {
    await this.#team.stop()
  }
}
