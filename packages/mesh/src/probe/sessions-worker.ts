/** The thread that makes the connections of `sessions.ts`: nothing else delays it. */
import { connect, createSecureContext, type SecureContext } from 'node:tls'
import { serve } from '@threadmap/workbench/threads/serve'
import { ThreadWatch } from '@threadmap/workbench/threads/time'
import { SERVER_NAME } from '../authority/authority.js'
import { LOOPBACK } from '../processes/ports.js'
import type { SessionsCommand, SessionsReply } from './sessions.js'

const REQUEST = `GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\nConnection: close\r\n\r\n`
const PATIENCE_MS = 3000
/** How long a session may come after the answer, in ms; with TLS 1.3 it comes after the handshake, as a message of its own. */
const TICKET_MS = 300

interface Connected {
  readonly ms: number
  readonly isResumed: boolean
  readonly session: Buffer | undefined
}

await serve<undefined, SessionsCommand, SessionsReply>(() => {
  return async ({ port, identity, count, resume }) => {
    // Once for all connections: reading the key again for each would be time of the client.
    const context = createSecureContext({ cert: identity.certificate, key: identity.key })
    const found: Connected[] = []
    let session: Buffer | undefined
    try {
      if (resume) {
        session = (await once(port, context, undefined, TICKET_MS)).session
        // The server gives no session, so there is nothing to offer.
        if (session === undefined) return replyOf(found, resume, 0)
      }
      const watch = new ThreadWatch()
      for (let i = 0; i < count; i++) {
        const each = await once(port, context, session, 0)
        found.push(each)
        if (resume) session = each.session ?? session
      }
      const { ms, cpu = 0 } = watch.stop()
      return replyOf(found, resume, (cpu * ms) / count)
    } catch (error) {
      return { ...replyOf(found, resume, 0), failure: error instanceof Error ? error.message : String(error) }
    }
  }
})

function replyOf(found: readonly Connected[], resume: boolean, clientMs: number): SessionsReply {
  const counted = found.filter(({ isResumed }) => isResumed === resume)
  return {
    ms: counted.map(({ ms }) => ms),
    resumed: found.filter(({ isResumed }) => isResumed).length,
    made: found.length,
    clientMs,
  }
}

/** Makes one connection; waits at most `ticketMs` more for a session after the first byte. */
function once(
  port: number,
  secureContext: SecureContext,
  offered: Buffer | undefined,
  ticketMs: number,
): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    let session: Buffer | undefined
    let ms: number | undefined
    let isResumed = false
    const socket = connect({
      host: LOOPBACK,
      port,
      servername: SERVER_NAME,
      secureContext,
      // The question is what a handshake takes, not whose certificate the server has.
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(offered === undefined ? {} : { session: offered }),
    })
    const end = () => {
      socket.destroy()
      resolve({ ms: ms!, isResumed, session })
    }
    socket.setNoDelay(true)
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no answer for ${PATIENCE_MS / 1000} s`)))
    socket.on('secureConnect', () => {
      isResumed = socket.isSessionReused()
      socket.write(REQUEST)
    })
    socket.on('session', given => {
      session = given
      if (ms !== undefined) end()
    })
    socket.on('data', () => {
      if (ms !== undefined) return
      ms = performance.now() - began
      if (session !== undefined || ticketMs === 0) end()
      else setTimeout(end, ticketMs).unref()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (ms === undefined) reject(new Error('closed before an answer'))
      // No session comes any more.
      else end()
    })
  })
}
