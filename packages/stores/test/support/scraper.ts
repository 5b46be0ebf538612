/** Debian's Prometheus, which scrapes one target on loopback each second. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAM = ['/usr/bin/prometheus', '/usr/local/bin/prometheus'].find(existsSync)
/** The reason to skip a test that needs Prometheus, or false. */
export const withoutPrometheus =
  PROGRAM === undefined ? 'Prometheus is not installed (apt-get install prometheus)' : false

/** Milliseconds for Prometheus to start and to scrape, on a machine that does ten other things. */
const PATIENCE_MS = 180_000

export class Scraper implements AsyncDisposable {
  readonly #port: number
  readonly #stop: () => Promise<void>

  private constructor(port: number, stop: () => Promise<void>) {
    this.#port = port
    this.#stop = stop
  }

  static async start(targetPort: number): Promise<Scraper> {
    const folder = mkdtempSync(join(tmpdir(), 'threadmap-scraper-'))
    // JSON is YAML.
    writeFileSync(
      join(folder, 'prometheus.json'),
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s' },
        scrape_configs: [{ job_name: 'workers', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }],
      }),
    )
    const port = await freePort()
    const options = [
      `--config.file=${join(folder, 'prometheus.json')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ]
    const child = spawn(String(PROGRAM), options, { stdio: 'ignore' })
    const closed = new Promise(resolve => child.on('close', resolve))
    return new Scraper(port, async () => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await closed
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true })
    })
  }

  /** Asks until the first sample of the result is `value`. */
  async until(expression: string, value: number): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    let last: unknown
    while (performance.now() < deadline) {
      try {
        const url = `http://127.0.0.1:${this.#port}/api/v1/query?query=${encodeURIComponent(expression)}`
        const answer = (await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).json()) as Answer
        last = answer
        if (Number(answer.data?.result[0]?.value[1]) === value) return
      } catch (error) {
        // Prometheus does not listen yet.
        last = error
      }
      await sleep(200)
    }
    throw new Error(`${expression} is not ${value}: ${JSON.stringify(last)?.slice(0, 2000)} ${String(last)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
  }
}

interface Answer {
  data?: { result: { value: [number, string] }[] }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
