import { spawn } from 'node:child_process'
import { packageFolder } from './runtimes.js'

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  output: string
}

/** Runs a program to its end; after `limit` milliseconds it is killed. */
export function run(
  command: string,
  args: string[],
  limit: number,
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: packageFolder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The variables of the test runner that runs this process are not for a program (or test runner) that it starts.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined, ...environment },
      timeout: limit,
      killSignal: 'SIGKILL',
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, output }))
  })
}
