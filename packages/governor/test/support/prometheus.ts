/** Prometheus itself, as Debian has it, on a port of loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAM = ['/usr/bin/prometheus', '/usr/local/bin/prometheus'].find(existsSync)
/** The reason to skip a test that needs Prometheus, or false. */
export const withoutPrometheus =
  PROGRAM === undefined ? 'Prometheus is not installed (apt-get install prometheus)' : false

/** Milliseconds for Prometheus to start, to scrape and to answer, on a machine that does ten other things. */
const PATIENCE_MS = 180_000
/** How often another free port is tried when somebody took the first. */
const TRIES = 3

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus extends AsyncDisposable {
  /** Asks until there is a result that `isDone` accepts, by default any; rejects with the last answer when the patience is over. */
  query(expression: string, isDone?: (samples: readonly Sample[]) => boolean): Promise<Sample[]>
  /** What a path of Prometheus's API answers. */
  api(path: string): Promise<Record<string, unknown>>
}

/** Starts a Prometheus that scrapes `target`, as HOST:PORT, each second. Its data is in a folder that goes with it. */
export async function startPrometheus(target: string, ruleFiles: readonly string[] = []): Promise<Prometheus> {
  if (PROGRAM === undefined) throw new Error(String(withoutPrometheus))
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-prometheus-'))
  const config = join(folder, 'prometheus.json')
  // JSON is YAML.
  const settings = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'threadmap', static_configs: [{ targets: [target] }] }],
  }
  writeFileSync(config, JSON.stringify(settings))
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const child = spawn(
      PROGRAM,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, `data-${attempt}`)}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-5000)
    })
    const closed = new Promise<void>(resolve => child.on('close', () => resolve()))
    if (await isReady(child, port)) return running(child, closed, port, folder)
    child.kill('SIGKILL')
    await closed
    if (attempt === TRIES || !/address already in use/.test(log)) {
      rmSync(folder, { recursive: true, force: true })
      throw new Error(`Prometheus did not start: ${log}`)
    }
  }
}

function running(child: ChildProcess, closed: Promise<void>, port: number, folder: string): Prometheus {
  const api = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return (await answer.json()) as Record<string, unknown>
  }
  return {
    api,
    async query(expression, isDone = samples => samples.length > 0) {
      const deadline = performance.now() + PATIENCE_MS
      for (;;) {
        const { status, error, data } = await api(`query?query=${encodeURIComponent(expression)}`)
        if (status !== 'success') throw new Error(`${expression}: ${String(error)}`)
        const { result } = data as { result: { metric: Record<string, string>; value: [number, string] }[] }
        const samples = result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
        if (isDone(samples)) return samples
        if (performance.now() > deadline)
          throw new Error(`${expression} gives ${JSON.stringify(samples).slice(0, 2000)}`)
        await sleep(200)
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await closed
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    try {
      const { ok } = await fetch(`http://127.0.0.1:${port}/-/ready`, { signal: AbortSignal.timeout(5000) })
      if (ok) return true
    } catch {
      // Not listening yet.
    }
    await sleep(100)
  }
  return false
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
