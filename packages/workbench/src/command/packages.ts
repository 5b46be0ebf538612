/** Finds the packages that add to the command `threadmap`. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

/** A package whose package.json names its part of the command. */
export interface PartPackage {
  readonly name: string
  readonly folder: string
  /** The module that exports its `Part`. */
  readonly module: string
}

/** A package that was left out, and why, in a few words. */
export interface Problem {
  readonly name: string
  readonly why: string
}

export interface FoundPackages {
  readonly packages: readonly PartPackage[]
  readonly problems: readonly Problem[]
}

/**
 * The packages with a field `threadmap.commands` in their package.json: `own` (the folder of the package whose command runs)
 * first, then by name those in every `node_modules` at or above `own` and at or above `from`. Of several with one name the first
 * found counts, so that no two copies of a package mix.
 */
export function findPackages(own: string, from: string): FoundPackages {
  const folders = [own, ...installed(own), ...installed(from)]
  const packages = new Map<string, PartPackage>()
  const problems: Problem[] = []
  for (const folder of folders) {
    const text = readIfThere(join(folder, 'package.json'))
    // Hardly one of the hundreds of packages in a project has the field; the others need no parsing.
    if (text === undefined || !text.includes('"threadmap"')) continue
    const description = parsed(text)
    const part = description?.threadmap
    const name = typeof description?.name === 'string' ? description.name : folder
    // A package that depends on threadmap has the word too, with a version as its value; such a package has no part.
    if (part === undefined || packages.has(name) || problems.some(problem => problem.name === name)) continue
    const module = moduleOf(folder, part)
    if (module === undefined) {
      problems.push({
        name,
        why: '"threadmap" in its package.json is not { "commands": "./FILE.js" } with a file of its own',
      })
    } else {
      packages.set(name, { name, folder, module })
    }
  }
  const [first, ...others] = packages.values()
  if (first === undefined) return { packages: [], problems }
  return { packages: [first, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))], problems }
}

/** The folders of all packages in the `node_modules` of `start` and of the folders above it, the nearest first. */
function installed(start: string): string[] {
  const found: string[] = []
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules')
    for (const name of namesIn(modules)) {
      if (name.startsWith('@')) found.push(...namesIn(join(modules, name)).map(inner => join(modules, name, inner)))
      else found.push(join(modules, name))
    }
    if (dirname(folder) === folder) return found
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => !name.startsWith('.'))
  } catch {
    return []
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // A damaged package.json: somebody is editing it, since npm would not have installed it.
    return undefined
  }
}

function moduleOf(folder: string, part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null || !('commands' in part)) return undefined
  const { commands } = part
  if (typeof commands !== 'string' || !commands.startsWith('./')) return undefined
  const module = resolve(folder, commands)
  const inside = relative(folder, module)
  return inside === '..' || inside.startsWith(`..${sep}`) ? undefined : module
}
