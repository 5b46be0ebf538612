import { Agent, get } from 'node:http'
import { SubjectError } from '@threadmap/workbench/errors'
import { Team } from '@threadmap/workbench/threads/team'
import { FastMap, f64, string } from 'threadmap'
import { type HttpSetup, VISITS } from './visits.js'

const REQUEST_LIMIT_MS = 5000

/** Sends `requests` over loopback to `servers` threads, and returns the count in the map. */
export async function countVisits(
  right: boolean,
  { servers, requests, signal }: { servers: number; requests: number; signal: AbortSignal },
): Promise<number> {
  const map = new FastMap({ key: string, value: f64 })
  map.set(VISITS, 0)
  const team = await Team.start<HttpSetup, 'listen', number>({
    name: 'HTTP handlers',
    program: new URL('./http-worker.js', import.meta.url),
    members: servers,
    setup: () => ({ handle: map.handle, right }),
    signal,
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  try {
    const ports = await team.ask('listen')
    await Promise.all(
      Array.from({ length: requests }, (_, i) => visit({ agent, port: ports[i % ports.length], signal })),
    )
    return map.get(VISITS) ?? 0
  } finally {
    agent.destroy()
    await team.stop()
    map[Symbol.dispose]()
  }
}

function visit({ agent, port, signal }: { agent: Agent; port: number; signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, host: '127.0.0.1', port, signal, timeout: REQUEST_LIMIT_MS }, response => {
      response.resume().once('end', resolve).once('error', reject)
    })
    request.once('timeout', () => request.destroy(new SubjectError('an HTTP handler did not answer')))
    request.once('error', reject)
  })
}
