/** Loads the packages' parts of the command, and leaves out by name each that fails. */
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import type { Experiment } from '../experiment.js'
import type { PartPackage, Problem } from './packages.js'
import type { Found, Part } from './part.js'

export interface LoadedParts {
  readonly commands: readonly Command[]
  readonly problems: readonly Problem[]
}

/** Loads the packages' parts. A part that fails does not affect the others. */
export async function loadParts(packages: readonly PartPackage[]): Promise<LoadedParts> {
  const problems: Problem[] = []
  const leaveOut = (name: string, why: string) => problems.push({ name, why: why.replaceAll(/\s+/g, ' ') })
  const parts: { readonly name: string; readonly part: Part }[] = []
  for (const { name, module } of packages) {
    try {
      const part = (await import(pathToFileURL(module).href)) as Part
      const why = shapeProblem(part)
      if (why === undefined) parts.push({ name, part })
      else leaveOut(name, why)
    } catch (error) {
      leaveOut(name, `cannot load ${module} (${reasonOf(error)})`)
    }
  }

  const owners = new Map<Experiment, string>()
  for (const { name, part } of parts) {
    for (const experiment of part.experiments ?? []) {
      const why = experimentProblem(experiment)
      const rival = [...owners].find(([other]) => other.name === experiment?.name)?.[1]
      if (why !== undefined) leaveOut(name, why)
      else if (rival !== undefined) leaveOut(name, `its experiment ${experiment.name} has the name of one of ${rival}`)
      else owners.set(experiment, name)
    }
  }

  const found: Found = {
    experiments: [...owners.keys()],
    leaveOut: (experiment, why) =>
      leaveOut(owners.get(experiment) ?? experiment.name, `experiment ${experiment.name}: ${why}`),
  }
  const commands: { readonly name: string; readonly command: Command }[] = []
  for (const { name, part } of parts) {
    try {
      for (const command of part.commands?.(found) ?? []) {
        if (!isCommand(command)) {
          leaveOut(name, 'it offers a subcommand that is no Command of commander')
          continue
        }
        const rival = commands.find(other => other.command.name() === command.name())
        if (rival === undefined) commands.push({ name, command })
        else leaveOut(name, `its subcommand ${command.name()} has the name of one of ${rival.name}`)
      }
    } catch (error) {
      leaveOut(name, `its subcommands cannot be made (${reasonOf(error)})`)
    }
  }
  return { commands: commands.map(({ command }) => command), problems }
}

function shapeProblem({ experiments, commands }: Part): string | undefined {
  if (experiments === undefined && commands === undefined) return 'its module exports neither experiments nor commands'
  if (experiments !== undefined && !Array.isArray(experiments)) return '`experiments` of its module is no list'
  if (commands !== undefined && typeof commands !== 'function') return '`commands` of its module is no function'
  return undefined
}

function experimentProblem(experiment: Partial<Experiment> | null | undefined): string | undefined {
  if (typeof experiment !== 'object' || experiment === null) return 'one of its experiments is no object'
  const { name, title, method, seconds, run } = experiment
  const isWhole =
    typeof name === 'string' &&
    /^[a-z][a-z0-9-]*$/.test(name) &&
    typeof title === 'string' &&
    typeof method === 'string' &&
    typeof seconds?.quick === 'number' &&
    typeof seconds.full === 'number' &&
    typeof run === 'function'
  return isWhole
    ? undefined
    : `its experiment ${String(name)} lacks a name in small letters, title, method, seconds or run`
}

/** Whether `value` has the methods of a `Command`. Not `instanceof`, since a package may have its own copy of commander. */
function isCommand(command: unknown): command is Command {
  const able = command as Partial<Command> | null | undefined
  return (
    typeof able?.name === 'function' && typeof able.parseAsync === 'function' && typeof able.exitOverride === 'function'
  )
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error)
}
