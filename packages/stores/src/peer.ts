/**
 * The peers of this package: the packages that its stores plug into. All are optional. A store asks for the version of its peer when it is made, and
 * refuses one that it was not built for. Only the module of a store imports its peer.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PeerVersionError } from './errors.js'

interface Description {
  version?: string
  peerDependencies?: Record<string, string>
}

const accepted = new Set<string>()

/**
 * Throws `PeerVersionError` if the installed version of `peer` is outside the range of this package's package.json. Checks each peer once per thread. A peer that
 * is nowhere to be found is accepted: a bundler may have put it into the program's own file. `from`: a folder of the program, from which to look as well.
 */
export function checkPeer(peer: string, from?: string): void {
  if (accepted.has(peer)) return
  const wanted = own().peerDependencies?.[peer]
  const found = installedVersion(peer, from)
  if (wanted !== undefined && found !== undefined && !satisfies(found, wanted)) {
    throw new PeerVersionError(peer, wanted, found)
  }
  accepted.add(peer)
}

/** Whether `version` is in `range`: alternatives such as `^5.5.0 || ^6.0.0`. A prerelease counts as its release. */
export function satisfies(version: string, range: string): boolean {
  const [major, minor = 0, patch = 0] = numbers(version)
  return range.split('||').some(alternative => {
    const [least, leastMinor = 0, leastPatch = 0] = numbers(alternative.trim().replace(/^\^/, ''))
    if (major !== least) return false
    return minor > leastMinor || (minor === leastMinor && patch >= leastPatch)
  })
}

function numbers(version: string): number[] {
  return version.split('.').slice(0, 3).map(Number.parseFloat)
}

/** The version of a package as this module, or a file in `from`, would import it; undefined if there is none. */
function installedVersion(name: string, from?: string): string | undefined {
  // `exports` of a package need not let its package.json through, so the folders are looked through instead.
  const importers = [import.meta.url, ...(from === undefined ? [] : [join(from, 'index.js')])]
  const folders = importers.flatMap(file => createRequire(file).resolve.paths(name) ?? [])
  const file = folders.map(folder => join(folder, name, 'package.json')).find(existsSync)
  return file === undefined ? undefined : read(file).version
}

let description: Description | undefined

/** The package.json of this package. A bundled program does not have it, and accepts every peer. */
function own(): Description {
  if (description === undefined) {
    try {
      description = read(new URL('../package.json', import.meta.url))
    } catch {
      description = {}
    }
  }
  return description
}

function read(file: string | URL): Description {
  return JSON.parse(readFileSync(file, 'utf8')) as Description
}
