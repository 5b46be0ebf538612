import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SubjectError } from '../errors.js'
import { NotHere } from '../subjects/peers.js'
import type { Workload } from '../workload.js'

/** The Go sources in go/, seen from dist/go/. */
const SOURCE = fileURLToPath(new URL('../../go/', import.meta.url))

/** Time-out of a build: the first one compiles Go's library as well, and may download one module. */
const BUILD_LIMIT_MS = 180_000
/** Time-out of an answer beyond the time of a round: enough to fill a map of a million keys. */
const ANSWER_LIMIT_MS = 30_000

/**
 * The maps in the program: those of Go's own library; these and `xsync` (a module that is downloaded once); or the read/dirty
 * `sync.Map` of Go before 1.24, if the installed Go can still build it.
 */
export type GoVariant = 'standard' | 'xsync' | 'old sync.Map'

const VARIANTS: Readonly<Record<GoVariant, { readonly flags: readonly string[]; readonly env: NodeJS.ProcessEnv }>> = {
  // Without `xsync` the build must not wait for a download.
  standard: { flags: [], env: { GOPROXY: 'off' } },
  xsync: { flags: ['-tags', 'xsync'], env: {} },
  // Go 1.24 replaced sync.Map by a hash trie and kept the old one behind this switch; Go 1.26 has no such switch.
  'old sync.Map': { flags: [], env: { GOPROXY: 'off', GOEXPERIMENT: 'nosynchashtriemap' } },
}

/** The maps of the Go program, by its own names. */
export type GoMap = 'sync.Map' | 'RWMutex+map' | 'sharded' | 'xsync.Map'

const run = promisify(execFile)
const built = new Map<GoVariant, Promise<string>>()

/** The output of `go env GOVERSION` (`go1.26.0`). Throws `NotHere` without Go. */
export async function goVersion(): Promise<string> {
  try {
    // GOTOOLCHAIN=local: the installed Go, never one that it would download.
    return (await run('go', ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } })).stdout.trim()
  } catch {
    throw new NotHere('go is not installed')
  }
}

/** The path of the Go program, which is built once for its sources, this version of Go and this variant. `NotHere` if the build fails. */
export function goProgram(variant: GoVariant = 'standard'): Promise<string> {
  let program = built.get(variant)
  if (program === undefined) {
    program = build(variant)
    built.set(variant, program)
  }
  return program
}

async function build(variant: GoVariant): Promise<string> {
  const version = await goVersion()
  const hash = createHash('sha256').update(version).update(variant)
  for (const file of readdirSync(SOURCE).sort()) hash.update(readFileSync(join(SOURCE, file)))
  const folder = join(tmpdir(), `threadmap-go-${process.getuid?.() ?? 0}`)
  const program = join(folder, `${hash.digest('hex').slice(0, 16)}${process.platform === 'win32' ? '.exe' : ''}`)
  if (existsSync(program)) return program
  const temporary = `${program}.${process.pid}`
  const { flags, env } = VARIANTS[variant]
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    await run('go', ['build', '-buildvcs=false', '-trimpath', ...flags, '-o', temporary, '.'], {
      cwd: SOURCE,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', ...env },
      timeout: BUILD_LIMIT_MS,
    })
    renameSync(temporary, program)
    return program
  } catch (error) {
    rmSync(temporary, { force: true })
    if (variant === 'old sync.Map') throw new NotHere(`${version} cannot build the old sync.Map (read/dirty)`)
    throw new NotHere(`go build failed: ${reasonOf(error)}`)
  }
}

/** The reason why a command failed: Node's message begins with the command and hides the reason. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).trim().split('\n')
  return (lines.length > 1 ? lines.slice(1) : lines).slice(0, 3).join(' | ')
}

/** A process that runs one of Go's maps through one workload, round by round. */
export class GoProcess {
  readonly #map: GoMap
  readonly #child: ReturnType<typeof spawn>
  readonly #lines: AsyncIterator<string>
  readonly #signal: AbortSignal | undefined
  readonly #stop = () => this.stop()

  private constructor(map: GoMap, child: ReturnType<typeof spawn>, signal: AbortSignal | undefined) {
    this.#map = map
    this.#child = child
    this.#signal = signal
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
    // Writing to a program that has ended fails here; `#answer` notices the missing answer.
    child.stdin!.on('error', () => {})
    signal?.addEventListener('abort', this.#stop)
  }

  /** Starts the program and waits until its map is filled. Rejects with `SubjectError` if it ends early or hangs. */
  static async start(
    program: string,
    map: GoMap,
    workload: Workload,
    seed: number,
    signal?: AbortSignal,
  ): Promise<GoProcess> {
    const { keys, reads, zipf, threads, valueBytes, churn } = workload
    const flags = { map, keys, reads, zipf, threads, value: valueBytes, churn, seed }
    const child = spawn(
      program,
      Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    const started = new GoProcess(map, child, signal)
    try {
      await started.#answer(ANSWER_LIMIT_MS)
      return started
    } catch (error) {
      started.stop()
      throw error
    }
  }

  /** Runs one round; returns millions of operations per second of all threads together. */
  async round(ms: number, warmUpMs: number): Promise<number> {
    this.#child.stdin!.write(`${ms} ${warmUpMs}\n`)
    const answer = Number(await this.#answer(ms + warmUpMs + ANSWER_LIMIT_MS))
    if (!Number.isFinite(answer)) throw new SubjectError(`the Go program for ${this.#map} gave no figure`)
    return answer
  }

  stop(): void {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#child.kill('SIGKILL')
  }

  async #answer(limitMs: number): Promise<string> {
    // The output of a killed program ends, which ends this wait.
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), limitMs)
    try {
      const { value, done } = await this.#lines.next()
      if (done)
        throw new SubjectError(`the Go program for ${this.#map} ended early, or did not answer for ${limitMs / 1000} s`)
      return value
    } finally {
      clearTimeout(limit)
    }
  }
}
