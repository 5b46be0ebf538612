import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

export interface CacheMisses {
  /** Misses of the first-level data cache per load. */
  readonly share: number
}

const EVENTS = ['L1-dcache-loads', 'L1-dcache-load-misses'] as const
const PERF_LIMIT_MS = 5000

/** True where `perf` counts the events of this process; otherwise the reason why not. Most virtual machines pass no counters through. */
export async function perfCounts(): Promise<true | string> {
  try {
    const arguments_ = ['stat', '-x,', '-e', EVENTS.join(','), '--', process.execPath, '--version']
    const { stderr } = await promisify(execFile)('perf', arguments_, { timeout: PERF_LIMIT_MS })
    return countsIn(stderr) === undefined ? 'perf does not count them on this machine' : true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
      ? 'perf is not installed'
      : 'perf may not count here (see /proc/sys/kernel/perf_event_paranoid)'
  }
}

/** Runs `work` while perf counts the events of this whole process. */
export async function missesDuring<T>(work: () => Promise<T>): Promise<{ result: T; misses: CacheMisses | undefined }> {
  const perf = spawn('perf', ['stat', '-x,', '-e', EVENTS.join(','), '-p', String(process.pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let output = ''
  perf.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = new Promise<void>(resolve => perf.once('close', () => resolve()).once('error', () => resolve()))
  try {
    const result = await work()
    perf.kill('SIGINT')
    await ended
    return { result, misses: countsIn(output) }
  } finally {
    perf.kill('SIGKILL')
  }
}

/** The figures in perf's comma-separated lines: `123,,L1-dcache-loads,...`; undefined if one was not counted. */
export function countsIn(output: string): CacheMisses | undefined {
  const count = (event: string) => {
    const line = output.split('\n').find(text => text.split(',')[2]?.startsWith(event))
    return line === undefined ? Number.NaN : Number(line.split(',')[0])
  }
  const [loads, misses] = EVENTS.map(count)
  return loads > 0 && Number.isFinite(misses) ? { share: misses / loads } : undefined
}
