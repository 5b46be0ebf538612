import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { PeerVersionError } from '../../src/errors.js'

const DIST = new URL('../../../dist/', import.meta.url)
let folder: string

/** Copies this package into a project of its own, whose `keyv` has the version `version`. */
before(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'threadmap-peers-'))
  const at = join(folder, 'node_modules/@threadmap/stores')
  mkdirSync(dirname(at), { recursive: true })
  cpSync(fileURLToPath(DIST), join(at, 'dist'), { recursive: true })
  cpSync(fileURLToPath(new URL('../package.json', DIST)), join(at, 'package.json'))
  symlinkSync(fileURLToPath(new URL('../../threadmap', DIST)), join(folder, 'node_modules/threadmap'), 'junction')
  mkdirSync(join(folder, 'node_modules/keyv'))
})

after(() => rmSync(folder, { recursive: true, force: true }))

async function peersBeside(version: string) {
  const content = JSON.stringify({ name: 'keyv', version, exports: './index.js' })
  writeFileSync(join(folder, 'node_modules/keyv/package.json'), content)
  const file = pathToFileURL(join(folder, 'node_modules/@threadmap/stores/dist/peer.js'))
  return (await import(`${file}?${version}`)) as typeof import('../../src/peer.js')
}

test('a peer of another major is refused with the version that is wanted and the one that is there', async () => {
  const { checkPeer } = await peersBeside('4.5.4')
  assert.throws(
    () => checkPeer('keyv'),
    error => {
      const { name, code, peer, wanted, found, message } = error as PeerVersionError
      assert.deepEqual(
        { name, code, peer, wanted, found },
        {
          name: 'PeerVersionError',
          code: 'ERR_THREADMAP_PEER_VERSION',
          peer: 'keyv',
          wanted: '^5.5.0 || ^6.0.0',
          found: '4.5.4',
        },
      )
      assert.match(message, /works with keyv \^5\.5\.0 \|\| \^6\.0\.0, and finds keyv 4\.5\.4/)
      return true
    },
  )
})

test('each version of the range is accepted, and so is a peer that is not there', async () => {
  for (const version of ['5.5.0', '5.6.0', '6.1.0', '6.0.0-rc.1']) (await peersBeside(version)).checkPeer('keyv')
  for (const version of ['5.4.9', '7.0.0']) {
    const { checkPeer } = await peersBeside(version)
    assert.throws(() => checkPeer('keyv'), /works with keyv/)
  }
  const { checkPeer } = await peersBeside('5.6.0')
  checkPeer('next')
})
