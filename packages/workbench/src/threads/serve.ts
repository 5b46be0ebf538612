/** A worker's side of a team: what it is told, what it answers. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Briefing, FromMember, ToMember } from './protocol.js'

/** The others are on their way, since all were sent their command at once: they seldom take longer. */
const SPIN_MS = 0.5

/** What a member of a team knows of itself. */
export interface Member {
  readonly index: number
  readonly members: number
  /**
   * Waits until all members of the team have called it as often: they begin together. It spins at first, so that cores are awake;
   * where there are more threads than cores that would only keep the others from coming.
   */
  meet(): void
}

/**
 * Runs this thread as a member of a `Team`: `prepare` is called once with the team's setup, and what it returns answers
 * each command. An error from either fails the whole team, by name.
 */
export async function serve<Setup, Command, Reply>(
  prepare: (setup: Setup, member: Member) => Answerer<Command, Reply> | Promise<Answerer<Command, Reply>>,
): Promise<void> {
  const port = parentPort
  if (port === null) throw new Error('this file is the program of a worker thread')
  const { setup, index, members, barrier } = workerData as Briefing<Setup>
  const send = (message: FromMember<Reply>) => port.postMessage(message)
  const meet = () => {
    const arrived = Atomics.add(barrier, 0, 1) + 1
    const target = Math.ceil(arrived / members) * members
    if (arrived === target) {
      Atomics.notify(barrier, 0)
      return
    }
    const began = performance.now()
    for (let now = arrived; now < target; now = Atomics.load(barrier, 0)) {
      // Only who comes last wakes the others; a change before that ends the wait at once, and begins the next.
      if (performance.now() - began > SPIN_MS) Atomics.wait(barrier, 0, now)
    }
  }
  try {
    const answer = await prepare(setup, { index, members, meet })
    port.on('message', async ({ command }: ToMember<Command>) => {
      try {
        send({ type: 'reply', reply: await answer(command) })
      } catch (error) {
        send(failure(error))
      }
    })
    send({ type: 'ready' })
  } catch (error) {
    send(failure(error))
  }
}

export type Answerer<Command, Reply> = (command: Command) => Reply | Promise<Reply>

function failure(error: unknown): { readonly type: 'failed'; readonly reason: string; readonly code?: string } {
  const code = error instanceof Error && 'code' in error ? { code: String(error.code) } : {}
  return { type: 'failed', reason: String(error).replaceAll(/\s+/g, ' '), ...code }
}
