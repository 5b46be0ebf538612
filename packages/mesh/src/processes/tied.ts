/**
 * Processes that cannot outlive this one. Each program runs as the first process of a PID namespace of its own: when the namespace's first process
 * ends, the kernel kills everything in it, grandchildren included. `setpriv --pdeathsig` and `unshare --kill-child` end that first process when this
 * process dies, however it dies.
 *
 * A parent that dies between its child's fork and the child's request to be killed with it would leave an orphan: the kernel tells only who has asked
 * before. So the first process asks, says so, and becomes the program only at a word from this process. If this process has died, there is no word but
 * the end of the connection, and the first process ends. Whoever gets the word has asked before, and so has its parent.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { ProxyError } from './errors.js'

export interface TiedOptions {
  /** The name in errors. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  /** The file that gets standard output and standard error. */
  readonly log: string
  readonly env?: Readonly<Record<string, string>>
}

/** A start takes some milliseconds; on a machine with many busy programs each of its four steps waits for its turn. */
const PATIENCE_MS = 20_000

/** Whoever is not root may create PID namespaces only inside a user namespace. */
function namespaceFlags(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const dies = ['--pdeathsig', 'KILL']
  // The first process asks again before it gives notice: between the fork and `--kill-child` there is a moment in which nobody has asked.
  return [...dies, 'unshare', ...user, '--pid', '--fork', '--kill-child', 'setpriv', ...dies]
}

/** Why tied processes cannot be had on this machine, or undefined. */
export function tiedProblem(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}; processes that end with this one need Linux`
  const { status, error, stderr } = spawnSync('setpriv', [...namespaceFlags(), 'true'], { encoding: 'utf8' })
  if (status === 0) return undefined
  return `setpriv and unshare of util-linux do not work here (${error?.message ?? stderr.trim()})`
}

/** Says that it is there, waits for the word at descriptor 3, and becomes the program. At the end of the connection `read` fails. */
const WAIT_FOR_WORD = 'echo >&3 && read -r word <&3 && exec 3>&- && exec "$0" "$@"'

/** A running program; see above. Start it from the main thread: it would end with the thread that starts it. */
export class Tied {
  readonly #options: TiedOptions
  readonly #guard: ChildProcess
  readonly #ended: Promise<void>
  #pid = 0

  private constructor(options: TiedOptions, guard: ChildProcess) {
    this.#options = options
    this.#guard = guard
    this.#ended = once(guard, 'exit').then(() => {})
  }

  static async start(options: TiedOptions): Promise<Tied> {
    const log = openSync(options.log, 'a')
    try {
      const waiting = ['sh', '-c', WAIT_FOR_WORD, options.program, ...options.args]
      const guard = spawn('setpriv', [...namespaceFlags(), ...waiting], {
        cwd: options.folder,
        env: { PATH: process.env.PATH ?? '', HOME: options.folder, TMPDIR: options.folder, ...options.env },
        stdio: ['ignore', log, log, 'pipe'],
      })
      await once(guard, 'spawn')
      const tied = new Tied(options, guard)
      await tied.#giveWord(guard.stdio[3] as Socket)
      return tied
    } finally {
      closeSync(log)
    }
  }

  /** The program's PID in our namespace. */
  get pid(): number {
    return this.#pid
  }

  get isRunning(): boolean {
    return this.#guard.exitCode === null && this.#guard.signalCode === null
  }

  /** Resolves when the program and all its descendants have ended. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Waits for the first process of the namespace, and lets it become the program. */
  async #giveWord(connection: Socket): Promise<void> {
    // A guard that ends early resets the connection; `problem` says what it wrote.
    connection.on('error', () => {})
    const isThere = await Promise.race([
      once(connection, 'data').then(
        () => true,
        () => false,
      ),
      this.#ended.then(() => false),
      delay(PATIENCE_MS, false, { ref: false }),
    ])
    this.#pid = childrenOf(this.#guard.pid!)[0] ?? 0
    if (!isThere || this.#pid === 0) {
      await this.kill()
      throw this.problem('did not start')
    }
    connection.end('\n', () => connection.destroy())
  }

  /** Sends a signal to the program itself. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) process.kill(this.#pid, signal)
  }

  /** Ends the program and its descendants at once. Safe to call again. */
  async kill(): Promise<void> {
    if (this.isRunning) {
      // The first process of the namespace takes all others with it, a stopped one too; its PID is its own while the guard, its parent, runs.
      killIfThere(this.#pid)
      this.#guard.kill('SIGKILL')
      await this.#ended
    }
    // The kernel tears the namespace down after its guard has gone: its ports are free only then.
    const until = performance.now() + PATIENCE_MS
    while (isAlive(this.#pid) && performance.now() < until) await delay(2)
  }

  /** Polls `isReady` until it is true; `ProxyError` with the last lines of the log if the program ends, or does not get ready in time. */
  async ready(isReady: () => Promise<boolean>, patienceMs = 20_000): Promise<void> {
    const until = performance.now() + patienceMs
    while (performance.now() < until) {
      if (!this.isRunning) throw this.problem('ended early')
      if (await isReady()) return
      await delay(10)
    }
    throw this.problem(`was not ready after ${patienceMs / 1000} s`)
  }

  problem(what: string): ProxyError {
    const { name, log } = this.#options
    const lines = readFileSync(log, 'utf8').trim().split('\n').slice(-4).join(' | ').slice(-800)
    return new ProxyError(`${name} ${what}${lines === '' ? '' : `: ${lines}`}`)
  }
}

function killIfThere(pid: number): void {
  // 0 would be our own process group.
  if (pid === 0) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** The children of all threads of a process; none if it has ended. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return text === '' ? [] : text.split(' ').map(Number)
  } catch {
    return []
  }
}

/** A process and all its descendants. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)]
}

/** Whether the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
