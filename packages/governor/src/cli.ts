/** The command `threadmap` where the lab is not installed: it has the governor's subcommands only. `bin` of the library runs it. */
import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { commands } from './commands.js'
import { TopError } from './seeing/top/source.js'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }
const program = new Command('threadmap').description('Looks at governors; more with @threadmap/lab').version(version)
for (const command of commands()) program.addCommand(command.exitOverride())
program.exitOverride()

// `threadmap top --once | head` closes the pipe early, which must not be an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed what is wrong.
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else if (error instanceof TopError) {
    process.stderr.write(`error: ${error.message}\n`)
    process.exitCode = error.exitCode
  } else {
    throw error
  }
}
