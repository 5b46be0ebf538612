import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SubjectError } from '../../errors.js'
import type { Context } from '../../experiment.js'
import { GO_RWMUTEX, GO_SHARDED, GO_SYNC_MAP } from '../../subjects/subject.js'
import type { Cell } from './cells.js'
import type { SubjectRounds } from './measure.js'

/** From dist/experiments/mix/ to the sources in go/. Only Go's own library, so nothing is downloaded. */
const SOURCE = fileURLToPath(new URL('../../../go/', import.meta.url))

const MAPS = [
  [GO_SYNC_MAP.name, 'sync'],
  [GO_RWMUTEX.name, 'rwmutex'],
  [GO_SHARDED.name, 'sharded'],
] as const

/** The first build compiles Go's library as well. */
const BUILD_LIMIT_MS = 180_000
const ANSWER_LIMIT_MS = 30_000

interface GoOptions {
  readonly rounds: number
  readonly ms: number
  readonly context: Context
  readonly leaveOut: (what: string, why: string) => void
}

/**
 * The same workloads over Go's maps, one process per map and workload, from the same seed. Empty where there is no Go. The
 * quick lab does not wait for a compiler: it uses the program if an earlier run has built it.
 */
export async function goRounds(
  cells: readonly Cell[],
  { rounds, ms, context, leaveOut }: GoOptions,
): Promise<SubjectRounds[][]> {
  const none = cells.map(() => [])
  if (context.quick) {
    leaveOut("Go's maps", 'the quick lab does not start them; they take part in the full one')
    return none
  }
  const program = await goProgram(leaveOut)
  if (program === undefined) return none
  const found: SubjectRounds[][] = []
  for (const { workload } of cells) {
    const row: SubjectRounds[] = []
    for (const [name, map] of MAPS) {
      context.signal.throwIfAborted()
      const { keys, reads, zipf, threads, valueBytes, churn } = workload
      const flags = { map, keys, reads, zipf, threads, value: valueBytes, churn, seed: context.seed }
      row.push({ name, rounds: await runGo(program, flags, rounds, ms, context.signal) })
    }
    found.push(row)
  }
  return found
}

async function runGo(
  program: string,
  flags: Readonly<Record<string, string | number>>,
  rounds: number,
  ms: number,
  signal: AbortSignal,
): Promise<number[]> {
  const child = spawn(
    program,
    Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const stop = () => child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  const limit = setTimeout(stop, ANSWER_LIMIT_MS)
  try {
    const rates: number[] = []
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    child.stdin.on('error', () => {})
    for (let round = 0; round < rounds; round++) {
      child.stdin.write(`${ms}\n`)
      const { value, done } = await lines.next()
      if (done || !Number.isFinite(Number(value))) throw new SubjectError(`the Go program for ${flags.map} ended early`)
      rates.push(Number(value))
    }
    return rates
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', stop)
    stop()
  }
}

let built: Promise<string | undefined> | undefined

/** The program, built once for this source and this version of Go. Undefined where it cannot be had. */
export function goProgram(leaveOut: GoOptions['leaveOut']): Promise<string | undefined> {
  built ??= build(leaveOut)
  return built
}

async function build(leaveOut: GoOptions['leaveOut']): Promise<string | undefined> {
  const run = promisify(execFile)
  // GOTOOLCHAIN=local: the Go that is installed, never one that it would download. GOFLAGS: no module is needed, and none fetched.
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod', GOPROXY: 'off' }
  let version: string
  try {
    version = (await run('go', ['env', 'GOVERSION'], { env })).stdout.trim()
  } catch {
    leaveOut("Go's maps", 'go is not installed')
    return undefined
  }
  const source = readFileSync(join(SOURCE, 'main.go'))
  const name = createHash('sha256').update(version).update(source).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `threadmap-go-${process.getuid?.() ?? 0}`)
  const program = join(folder, name)
  if (existsSync(program)) return program
  const temporary = `${program}.${process.pid}`
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    await run('go', ['build', '-buildvcs=false', '-trimpath', '-o', temporary, '.'], {
      cwd: SOURCE,
      env,
      timeout: BUILD_LIMIT_MS,
    })
    renameSync(temporary, program)
    return program
  } catch (error) {
    rmSync(temporary, { force: true })
    leaveOut("Go's maps", `go build failed: ${String(error).split('\n')[1] ?? String(error)}`)
    return undefined
  }
}
