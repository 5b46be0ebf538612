/** A certificate authority for one run: SPIFFE identities, certificates that must be refused, and revocation lists. */
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as Crypto)

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const
const HOUR_MS = 3_600_000
/** The begin of validity lies this far in the past, so that certificates are valid at once for clocks that count whole seconds. */
const EARLY_MS = 60_000

export const TRUST_DOMAIN = 'mesh.local'

/** The name that clients ask for in TLS (SNI). */
export const SERVER_NAME = 'server.mesh'

/** The SPIFFE URI of a workload. */
export function spiffe(workload: string): string {
  return `spiffe://${TRUST_DOMAIN}/ns/default/sa/${workload}`
}

/** A certificate and its key, as PEM. */
export interface Leaf {
  readonly certificate: string
  readonly key: string
  /** In capital hexadecimal letters without separators, as `tls.PeerCertificate.serialNumber` has it. */
  readonly serial: string
}

export interface LeafOptions {
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly hash?: 'SHA-1' | 'SHA-256'
}

export class Authority {
  readonly #certificate: x509.X509Certificate
  readonly #keys: CryptoKeyPair

  private constructor(certificate: x509.X509Certificate, keys: CryptoKeyPair) {
    this.#certificate = certificate
    this.#keys = keys
  }

  static async create(name = 'mesh authority'): Promise<Authority> {
    const keys = await newKeys()
    const now = Date.now()
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      serialNumber: serialNumber(),
      notBefore: new Date(now - EARLY_MS),
      notAfter: new Date(now + 24 * HOUR_MS),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    return new Authority(certificate, keys)
  }

  /** The authority's own certificate, as PEM. */
  get certificate(): string {
    return `${this.#certificate.toString('pem')}\n`
  }

  /** A certificate for a workload: its SPIFFE URI and `WORKLOAD.mesh` as alternative names, the workload as common name. */
  async issue(workload: string, options: LeafOptions = {}): Promise<Leaf> {
    const keys = await newKeys()
    const serial = serialNumber()
    const certificate = await this.#sign(workload, keys.publicKey, serial, options)
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey as webcrypto.CryptoKey)
    const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')
    return { certificate, key: `${key}\n`, serial: serial.toUpperCase() }
  }

  /** A certificate (PEM) like those of `issue`, for the key of a request (PKCS 10, DER); `serial` as in `Leaf`. */
  certify(workload: string, request: Uint8Array, serial = serialNumber()): Promise<string> {
    const { publicKey } = new x509.Pkcs10CertificateRequest(Buffer.from(request))
    return this.#sign(workload, publicKey, serial.toLowerCase(), {})
  }

  async #sign(
    workload: string,
    publicKey: x509.PublicKeyType,
    serial: string,
    { notBefore, notAfter, hash = 'SHA-256' }: LeafOptions,
  ): Promise<string> {
    const now = Date.now()
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${workload}`,
      issuer: this.#certificate.subject,
      serialNumber: serial,
      notBefore: notBefore ?? new Date(now - EARLY_MS),
      notAfter: notAfter ?? new Date(now + HOUR_MS),
      signingAlgorithm: { name: 'ECDSA', hash },
      publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'url', value: spiffe(workload) },
          { type: 'dns', value: `${workload}.mesh` },
        ]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
      ],
    })
    return `${certificate.toString('pem')}\n`
  }

  /** A certificate that expired an hour ago. */
  issueExpired(workload: string): Promise<Leaf> {
    const now = Date.now()
    return this.issue(workload, { notBefore: new Date(now - 2 * HOUR_MS), notAfter: new Date(now - HOUR_MS) })
  }

  /** A revocation list of these serial numbers, as PEM. */
  async revocationList(serials: readonly string[]): Promise<string> {
    const now = Date.now()
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(now - EARLY_MS),
      nextUpdate: new Date(now + HOUR_MS),
      entries: serials.map(serialNumber => ({
        serialNumber,
        revocationDate: new Date(now - EARLY_MS),
        reason: x509.X509CrlReason.keyCompromise,
      })),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      signingKey: this.#keys.privateKey,
    })
    // The library's own label, `CRL`, is not that of RFC 7468, and OpenSSL does not read it.
    return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`
  }
}

/** A request (PKCS 10, DER) of somebody with this key (PKCS 8, PEM). */
export async function certificateRequest(name: string, key: string): Promise<Uint8Array> {
  const der = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, KEY, true, ['sign'])
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const publicKey = await webcrypto.subtle.importKey('spki', spki, KEY, true, ['verify'])
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys: { privateKey, publicKey } as CryptoKeyPair,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  })
  return new Uint8Array(request.rawData)
}

async function newKeys(): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])) as CryptoKeyPair
}

/** A random positive serial number whose first byte needs no sign byte and is not zero. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(12))
  bytes[0] = (bytes[0] & 0x3f) | 0x40
  return Buffer.from(bytes).toString('hex')
}
