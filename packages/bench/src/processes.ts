import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { GoProcess, goProgram } from '@threadmap/workbench/go/program'
import { NotHere } from '@threadmap/workbench/subjects/peers'
import { NUMBER_BYTES } from '@threadmap/workbench/workload'
import type { GoJob, SubjectSpec } from './case.js'
import { type Answer, type Measured, type Round, WARM_UP_MS } from './jobs.js'

/** Milliseconds after which a subject without an answer is stuck; inserting ten million entries takes a minute on a slow machine. */
const PATIENCE_MS = 300_000

/** A process that runs one subject. */
export interface Running {
  round(ms: number): Promise<Measured>
  stop(): void
}

/** Starts a subject's process, and waits until it is set up. `execPath`: which Node runs it. */
export function start({ job, execArgv = [] }: SubjectSpec, execPath: string): Promise<Running> {
  return job.program === 'go' ? startGo(job) : startNode(JSON.stringify(job), execArgv, execPath)
}

async function startNode(job: string, execArgv: string[], execPath: string): Promise<Running> {
  const child = fork(fileURLToPath(new URL('./subject.js', import.meta.url)), [job], { execArgv, execPath })
  const ask = async (round?: Round): Promise<Answer> => {
    const answered = oneAnswer<Answer>(child, listener => {
      child.once('message', listener)
      return () => child.off('message', listener)
    })
    if (round) child.send(round)
    const answer = await answered
    if (answer.type === 'skipped') throw new NotHere(answer.reason)
    if (answer.type === 'failed') throw new Error(answer.reason)
    return answer
  }
  const running: Running = {
    async round(ms) {
      const answer = await ask({ ms })
      if (answer.type !== 'result') throw new Error(`unexpected answer ${JSON.stringify(answer)}`)
      return answer
    },
    stop: () => child.kill('SIGKILL'),
  }
  try {
    await ask()
  } catch (error) {
    running.stop()
    throw error
  }
  return running
}

async function startGo({ map, old, threads, keys, reads, seed }: GoJob): Promise<Running> {
  const program = await goProgram(old ? 'old sync.Map' : map === 'xsync.Map' ? 'xsync' : 'standard')
  const workload = { threads, keys, reads, zipf: 0, churn: 0, valueBytes: NUMBER_BYTES }
  const running = await GoProcess.start(program, map, workload, seed)
  return {
    round: async ms => ({ value: await running.round(ms, WARM_UP_MS) }),
    stop: () => running.stop(),
  }
}

/** The next answer of `child`, or an error if the process ends or stays silent. `listen` returns a function that stops listening. */
function oneAnswer<T>(child: ChildProcess, listen: (listener: (answer: T) => void) => () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer)
      child.off('exit', exited)
      child.off('error', failed)
      forget()
    }
    const failed = (error: Error): void => {
      done()
      reject(error)
    }
    const exited = (code: number | null, signal: string | null): void =>
      failed(new Error(`the subject process ended (${signal ?? `exit code ${code}`})`))
    const timer = setTimeout(() => failed(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
    child.once('exit', exited)
    child.once('error', failed)
    const forget = listen(answer => {
      done()
      resolve(answer)
    })
  })
}
