/** A worker's side of a team: it receives commands and sends replies. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Briefing, FromMember, ToMember } from './protocol.js'

/** How long a member spins at the barrier. All members got their commands at once, so they seldom arrive later. */
const SPIN_MS = 0.5

/** The member's index in its team, and the barrier. */
export interface Member {
  readonly index: number
  readonly members: number
  /**
   * Waits until all members of the team have called it equally often, so that they begin together. It spins at first, so that the
   * cores are awake, unless there are more threads than cores: then spinning would only keep the others from arriving.
   */
  meet(): void
}

/**
 * Runs this thread as a member of a `Team`. `prepare` is called once with the team's setup, and returns the function that answers
 * each command. An error from either fails the whole team, by the subject's name.
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
      // Only the last arrival wakes the others; an earlier arrival ends the wait at once, and the loop waits again.
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
