import { type Profiler, Session } from 'node:inspector'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HotCode } from './layout.js'

const SAMPLE_US = 1000
/** Functions that are named at most. */
const MOST = 3
/** What V8 calls the thread's idle time, and time outside any function. */
const NO_CODE = new Set(['(idle)', '(program)', '(root)'])

/** Samples this thread for a while: the functions that it was in, with their share of its busy time. */
export async function hotCode(ms: number): Promise<HotCode[]> {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters?: object) =>
    new Promise<object | undefined>((resolve, reject) => {
      session.post(method, parameters, (error: Error | null, result?: object) => {
        if (error === null) resolve(result)
        else reject(error)
      })
    })
  try {
    await post('Profiler.enable')
    await post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    await post('Profiler.start')
    await new Promise(resolve => setTimeout(resolve, ms).unref())
    const { profile } = (await post('Profiler.stop')) as { profile: Profiler.Profile }
    return hottest(profile)
  } finally {
    session.disconnect()
  }
}

export function hottest({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): HotCode[] {
  const byId = new Map(nodes.map(node => [node.id, node.callFrame]))
  const times = new Map<string, { name: string; place: string; us: number }>()
  let busy = 0
  for (const [at, id] of samples.entries()) {
    const frame = byId.get(id)
    if (frame === undefined || frame.functionName === '(idle)') continue
    const us = timeDeltas[at] ?? 0
    busy += us
    if (NO_CODE.has(frame.functionName)) continue
    const place =
      frame.url === '' || frame.url.startsWith('node:') ? '' : `${fileOf(frame.url)}:${frame.lineNumber + 1}`
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName
    const key = `${name} ${place} ${frame.url}`
    const earlier = times.get(key)
    if (earlier === undefined) times.set(key, { name, place, us })
    else earlier.us += us
  }
  return [...times.values()]
    .sort((a, b) => b.us - a.us)
    .slice(0, MOST)
    .map(({ name, place, us }) => ({ name, place, share: busy > 0 ? us / busy : 0 }))
}

function fileOf(url: string): string {
  try {
    return basename(url.startsWith('file:') ? fileURLToPath(url) : url)
  } catch {
    return url
  }
}
