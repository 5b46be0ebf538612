import { Team } from '@threadmap/workbench/threads/team'
import type { Mode } from './protocol.js'

/** The server behind all sidecars, in a thread of its own, with a stable and a canary version. */
export class Origin {
  readonly stable: number
  readonly canary: number
  readonly #team: Team<Mode, 'done'>

  private constructor(stable: number, canary: number, team: Team<Mode, 'done'>) {
    this.stable = stable
    this.canary = canary
    this.#team = team
  }

  static async start(stable: number, canary: number, signal: AbortSignal): Promise<Origin> {
    const team = await Team.start<readonly [number, number], Mode, 'done'>({
      name: 'the server behind the sidecars',
      program: new URL('./origin-worker.js', import.meta.url),
      members: 1,
      setup: () => [stable, canary],
      signal,
    })
    return new Origin(stable, canary, team)
  }

  async behave(mode: Mode): Promise<void> {
    await this.#team.ask(mode)
  }

  async stop(): Promise<void> {
    await this.#team.stop()
  }
}
