/** Finds the other runtimes, which `npm ci` in tools/runtimes installs. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** packages/threadmap */
export const packageFolder = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))

const modules = join(packageFolder, '../../tools/runtimes/node_modules')
const { platform, arch } = process
const exe = platform === 'win32' ? '.exe' : ''

export type Found = { path: string } | { missing: string }

function find(name: string, candidates: string[]): Found {
  const path = candidates.find(candidate => existsSync(candidate))
  return path ? { path } : { missing: `${name} is not installed for ${platform}-${arch} (npm ci in tools/runtimes)` }
}

/** The `node` of that major version. npm has binaries for Linux only. */
export function findNode(major: number): Found {
  const name = arch === 'arm64' ? `node${major}-arm64` : `node${major}`
  return find(`Node ${major}`, platform === 'linux' ? [join(modules, name, 'bin/node')] : [])
}

// The packages `bun` and `deno` are wrappers whose install script links one of these packages, which contain the program.
export function findBun(): Found {
  const cpu = arch === 'arm64' ? 'aarch64' : arch
  const system = platform === 'win32' ? 'windows' : platform
  return find('Bun', [join(modules, '@oven', `bun-${system}-${cpu}`, 'bin', `bun${exe}`)])
}

export function findDeno(): Found {
  const names = platform === 'linux' ? [`linux-${arch}-glibc`] : [`${platform}-${arch}`]
  return find(
    'Deno',
    names.map(name => join(modules, '@deno', name, `deno${exe}`)),
  )
}

export function findChromium(): Found {
  const candidates = [
    process.env.CHROMIUM_PATH ?? '',
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ]
  const path = candidates.find(candidate => candidate !== '' && existsSync(candidate))
  return path
    ? { path }
    : { missing: `Chromium is at none of ${candidates.filter(Boolean).join(', ')} (or set CHROMIUM_PATH)` }
}
