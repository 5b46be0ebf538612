import 'reflect-metadata'
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { X509Crl } from '@peculiar/x509'
import { Authority, spiffe } from '#mesh/authority/authority.js'

test('a certificate has the SPIFFE URI of its workload and the signature of the authority', async () => {
  const authority = await Authority.create()
  const leaf = await authority.issue('client')
  const [certificate, root] = [new X509Certificate(leaf.certificate), new X509Certificate(authority.certificate)]
  assert.equal(certificate.subjectAltName, `URI:${spiffe('client')}, DNS:client.mesh`)
  assert.ok(certificate.verify(root.publicKey))
  assert.ok(certificate.checkIssued(root))
  assert.equal(certificate.serialNumber, leaf.serial)
  assert.ok(!certificate.verify(new X509Certificate((await Authority.create()).certificate).publicKey))
})

test('an expired certificate has expired, and a valid one is valid now', async () => {
  const authority = await Authority.create()
  const until = ({ certificate }: { certificate: string }) => Date.parse(new X509Certificate(certificate).validTo)
  assert.ok(until(await authority.issueExpired('client')) < Date.now())
  assert.ok(until(await authority.issue('client')) > Date.now())
})

test('a revocation list names the serial numbers, and has the label that OpenSSL reads', async () => {
  const authority = await Authority.create()
  const [one, two] = [await authority.issue('client'), await authority.issue('client')]
  const text = await authority.revocationList([one.serial])
  assert.match(text, /^-----BEGIN X509 CRL-----/)
  const list = new X509Crl(text)
  assert.ok(list.findRevoked(one.serial.toLowerCase()))
  assert.equal(list.findRevoked(two.serial.toLowerCase()), null)
})
