/** Floods, within bounds that a proxy should bear. */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LOOPBACK } from '../../processes/ports.js'
import type { Fault } from './fault.js'

const CONNECTIONS = 500
const CONNECTIONS_MS = 1000
const REQUESTS = 200
const HEADERS = 60
const HEADER_BYTES = 1000
const PATIENCE_MS = 2000

export const FLOOD_FAULTS: readonly Fault[] = [
  {
    name: 'connections',
    title: `${CONNECTIONS} idle connections to the server's sidecar for ${CONNECTIONS_MS / 1000} s`,
    pair: 'as it comes',
    seconds: 1.3,
    async plant({ running: { pair } }) {
      const sockets: Socket[] = []
      let closed = 0
      for (let i = 0; i < CONNECTIONS; i++) {
        const socket = connect({ host: LOOPBACK, port: pair.plan.ports.inbound })
        socket.on('error', () => {})
        socket.on('close', () => closed++)
        sockets.push(socket)
        // Not all at once: the queue of a listener is not what is tested.
        if (i % 50 === 49) await delay(10)
      }
      await delay(CONNECTIONS_MS)
      const note = closed === 0 ? 'all were kept' : `${closed} of them were closed`
      for (const socket of sockets) socket.destroy()
      return { note }
    },
  },
  {
    name: 'headers',
    title: `${REQUESTS} requests with ${(HEADERS * HEADER_BYTES) / 1000} KB of headers`,
    pair: 'as it comes',
    seconds: 1.2,
    async plant({ running: { pair } }) {
      const head = Array.from({ length: HEADERS }, (_, i) => `x-flood-${i}: ${'x'.repeat(HEADER_BYTES)}`).join('\r\n')
      const request = `GET / HTTP/1.1\r\nHost: server.mesh\r\nConnection: close\r\n${head}\r\n\r\n`
      const answers: Promise<string>[] = []
      for (let i = 0; i < REQUESTS; i++) {
        answers.push(statusOf(pair.plan.ports.outbound, request))
        await delay(5)
      }
      const counts = new Map<string, number>()
      for (const status of await Promise.all(answers)) counts.set(status, (counts.get(status) ?? 0) + 1)
      const said = [...counts].sort((a, b) => b[1] - a[1]).map(([status, count]) => `${count} x ${status}`)
      return { note: `the flood was answered ${said.join(', ')}` }
    },
  },
]

/** The status of the answer to a request as it stands, or how the connection ended. */
function statusOf(port: number, request: string): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    const socket = connect({ host: LOOPBACK, port }, () => socket.write(request))
    socket.setEncoding('latin1')
    socket.on('data', piece => {
      text += piece
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 'closed'))
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  })
}
