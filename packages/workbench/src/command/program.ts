import { Command } from 'commander'
import { findPackages } from './packages.js'
import { loadParts } from './parts.js'

export interface ProgramOptions {
  readonly description: string
  readonly version: string
  /** The folder of the package whose command runs. */
  readonly own: string
}

/**
 * The command `threadmap`, with the subcommands of all packages. Sets the exit code of the process: 0 done, 1 a
 * wrong or failed result, 2 a request that cannot be met, 130 and 143 interrupted. Other errors are faults and are thrown.
 */
export async function runProgram({ description, version, own }: ProgramOptions): Promise<void> {
  const found = findPackages(own, process.cwd())
  const { commands, problems } = await loadParts(found.packages)
  for (const { name, why } of [...found.problems, ...problems]) {
    process.stderr.write(`threadmap: without ${name}: ${why}\n`)
  }
  const program = new Command('threadmap').description(description).version(version)
  for (const command of commands) program.addCommand(command)
  for (const command of withSubcommands(program)) {
    command
      .exitOverride()
      .showHelpAfterError(false)
      // The message becomes one line, since commander puts "Did you mean" on a second.
      .configureOutput({
        outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')} See --help.\n`),
      })
  }

  // `threadmap wordcount | head` closes the pipe early, which must not be an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = exitCodeFor(error)
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(inner => withSubcommands(inner as Command))]
}

/** Prints in one line why the command ended, unless commander did. Looks at properties, not classes: packages may have copies of these. */
function exitCodeFor(error: unknown): number {
  if (!(error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number')) throw error
  if ('code' in error && String(error.code).startsWith('commander.')) return error.exitCode === 0 ? 0 : 2
  process.stderr.write(`error: ${error.message}\n`)
  return error.exitCode
}
