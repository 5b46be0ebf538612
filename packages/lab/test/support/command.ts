import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const cli = join(dirname(fileURLToPath(import.meta.resolve('@threadmap/lab'))), '../bin/threadmap.js')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `threadmap` with its output in pipes. `onOutput` gets the output so far and may signal the process. */
export function threadmap(
  args: readonly string[],
  options: { cwd?: string; onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...args], { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    options.onOutput?.(stdout, signal => child.kill(signal))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** A folder of the test's own, with these files in it. */
export function folder(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'threadmap-lab-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return root
}

/** Text in which some words are frequent, most are rare, and not all are ASCII. Every call returns the same text. */
export function prose(words: number): string {
  let state = 12345
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const made = Array.from({ length: words }, () => {
    const rank = Math.floor(1 / (random() + 1e-4))
    return rank % 7 === 0 ? `wörter_${rank}` : rank % 11 === 0 ? `单词${rank}` : `word${rank}`
  })
  return made.map((word, at) => word + (at % 12 === 11 ? '.\n' : ' ')).join('')
}
