import { type ChildProcess, fork, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { GoJob, SubjectSpec } from './cases.js'
import { goProgram } from './go.js'
import { type Answer, type Measured, type Round, Skipped } from './jobs.js'

/** A subject that does not answer for so long is stuck; one that inserts a million entries needs a few seconds. */
const PATIENCE_MS = 60_000

/** A process that runs one subject. */
export interface Running {
  round(ms: number): Promise<Measured>
  stop(): void
}

export function start({ job }: SubjectSpec): Promise<Running> {
  return job.program === 'go' ? startGo(job) : startNode(JSON.stringify(job))
}

async function startNode(job: string): Promise<Running> {
  const child = fork(fileURLToPath(new URL('./subject.js', import.meta.url)), [job])
  const ask = async (round?: Round): Promise<Answer> => {
    const answered = oneAnswer<Answer>(child, listener => {
      child.once('message', listener)
      return () => child.off('message', listener)
    })
    if (round) child.send(round)
    const answer = await answered
    if (answer.type === 'skipped') throw new Skipped(answer.reason)
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

async function startGo(job: GoJob): Promise<Running> {
  const { program, oldProgram, version } = await goProgram()
  const wanted = job.old ? oldProgram : program
  if (wanted === undefined) throw new Skipped(`${version} cannot build the old sync.Map (read/dirty)`)
  const flags = { map: job.map, keys: job.keys, reads: job.reads, threads: job.threads, seed: job.seed }
  const child = spawn(
    wanted,
    Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const lines: Interface = createInterface({ input: child.stdout })
  const nextLine = (): Promise<string> =>
    oneAnswer<string>(child, listener => {
      lines.once('line', listener)
      return () => lines.off('line', listener)
    })
  await nextLine()
  return {
    async round(ms) {
      const line = nextLine()
      child.stdin.write(`${ms}\n`)
      return { value: Number(await line) }
    },
    stop: () => child.kill('SIGKILL'),
  }
}

/** The next answer of `child`, or an error if it ends or stays silent instead. `listen` returns what stops listening. */
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
