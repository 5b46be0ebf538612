/** One TLS connection to a sidecar, as somebody who may or may not be let in. */
import { connect, type SecureVersion } from 'node:tls'
import { SERVER_NAME } from '../authority/authority.js'
import { LOOPBACK } from '../processes/ports.js'

export interface ProbeOptions {
  readonly port: number
  /** The authority of the server's certificate. It is not checked: the question is what the server does. */
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined
  /** The only version that is offered. */
  readonly version?: SecureVersion
}

export interface Probed {
  /** `answered`: the handshake and a request went through; the status says how. */
  readonly kind: 'answered' | 'refused'
  /** The status; 0 if the answer was no HTTP. */
  readonly status?: number
  /** Why it was refused: the alert, or how the connection ended. */
  readonly reason?: string
  /** Whether the handshake ended without an error, from the client's view. In TLS 1.3 the server checks the client's certificate after that. */
  readonly handshake: boolean
  /** The serial number of the server's certificate. */
  readonly serial?: string
}

const PATIENCE_MS = 3000
/** Old versions and SHA-1 need the lowest security level of OpenSSL, so that it is the server that refuses. */
const ANY_CIPHER = 'DEFAULT:@SECLEVEL=0'

/** Connects, asks for `/`, and says what came back. */
export function probe({ port, identity, version }: ProbeOptions): Promise<Probed> {
  return new Promise(resolve => {
    const versions = version === undefined ? {} : { minVersion: version, maxVersion: version }
    const own = identity === undefined ? {} : { cert: identity.certificate, key: identity.key }
    let serial: string | undefined
    let handshake = false
    let text = ''
    const end = (probed: Omit<Probed, 'handshake' | 'serial'>) => {
      clearTimeout(patience)
      socket.destroy()
      resolve({ ...probed, handshake, ...(serial === undefined ? {} : { serial }) })
    }
    const patience = setTimeout(
      () => end({ kind: 'refused', reason: `no answer for ${PATIENCE_MS / 1000} s` }),
      PATIENCE_MS,
    )
    const socket = connect({
      host: LOOPBACK,
      port,
      servername: SERVER_NAME,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ciphers: ANY_CIPHER,
      ...versions,
      ...own,
    })
    socket.on('secureConnect', () => {
      handshake = true
      serial = socket.getPeerCertificate().serialNumber
      socket.write(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\nConnection: close\r\n\r\n`)
    })
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
      if (status !== undefined) end({ kind: 'answered', status: Number(status) })
    })
    socket.on('error', error => end({ kind: 'refused', reason: reasonOf(error) }))
    socket.on('close', () => end({ kind: 'refused', reason: 'closed without an answer' }))
  })
}

/** `alert certificate expired`, or the system's code. */
function reasonOf(error: Error): string {
  const { code, reason } = error as Error & { code?: string; reason?: string }
  const alert = /alert [a-z0-9 ]+/i.exec(reason ?? error.message)?.[0]
  return alert ?? reason ?? code ?? error.message
}

/** How a probe ended, in the words of rows: `let in`, `answered 403`, `refused (alert ...)`. */
export function verdictOf({ kind, status, reason }: Probed): string {
  if (kind === 'refused') return `refused (${reason ?? 'no reason'})`
  return status !== undefined && status < 400 ? 'let in' : `answered ${status}`
}

/** Whether the request of a probe reached the server. */
export function isLetIn({ kind, status }: Probed): boolean {
  return kind === 'answered' && (status ?? 0) < 400
}
