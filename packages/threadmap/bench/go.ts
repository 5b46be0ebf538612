import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Skipped } from './jobs.js'

const run = promisify(execFile)
/** From build/bench/go.js to the sources in bench/go, and to build/go beside build/bench. */
const SOURCE = fileURLToPath(new URL('../../bench/go/', import.meta.url))
const TARGET = fileURLToPath(new URL('../go/', import.meta.url))
/** The first build downloads one module and compiles the standard library. */
const BUILD_TIMEOUT_MS = 120_000

export interface GoProgram {
  program: string
  /** The same with the read/dirty `sync.Map` of Go before 1.24, where this Go can still build that. */
  oldProgram: string | undefined
  /** As `go env GOVERSION` says: `go1.26.0`. */
  version: string
}

let built: Promise<GoProgram> | undefined

/** The Go program, built once per run. Throws `Skipped` where that is not possible. */
export function goProgram(): Promise<GoProgram> {
  built ??= build()
  return built
}

async function build(): Promise<GoProgram> {
  let version: string
  try {
    // GOTOOLCHAIN=local: the Go that is installed, never one that it would download.
    version = (await run('go', ['env', 'GOVERSION'], { env: { ...process.env, GOTOOLCHAIN: 'local' } })).stdout.trim()
  } catch {
    throw new Skipped('go not found')
  }
  mkdirSync(TARGET, { recursive: true })
  const program = `${TARGET}threadmap-bench${process.platform === 'win32' ? '.exe' : ''}`
  try {
    await compile(program, {})
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim().split('\n').slice(0, 4).join(' | ') : String(error)
    throw new Skipped(`go build failed: ${reason}`)
  }
  const oldProgram = program.replace('threadmap-bench', 'threadmap-bench-old')
  try {
    // Go 1.24 replaced sync.Map by a hash trie and kept the old one behind this switch; Go 1.26 knows it no longer.
    await compile(oldProgram, { GOEXPERIMENT: 'nosynchashtriemap' })
    return { program, oldProgram, version }
  } catch {
    return { program, oldProgram: undefined, version }
  }
}

async function compile(program: string, env: Record<string, string>): Promise<void> {
  await run('go', ['build', '-buildvcs=false', '-trimpath', '-o', program, '.'], {
    cwd: SOURCE,
    timeout: BUILD_TIMEOUT_MS,
    env: { ...process.env, GOTOOLCHAIN: 'local', ...env },
  })
}
