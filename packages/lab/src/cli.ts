#!/usr/bin/env node
import { createRequire } from 'node:module'
import { WorkbenchError } from '@threadmap/workbench/errors'
import { Command, CommanderError } from 'commander'
import { adviseCommand } from './advice/command.js'
import { estimateCommand } from './estimate/command.js'
import { labCommand } from './lab/command.js'
import { reportCommand } from './report/command.js'
import { startCommand } from './start/command.js'
import { wordcountCommand } from './wordcount/command.js'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

const program = new Command('threadmap')
  .description('Measures concurrent maps on this machine with this workload, and says which one to use')
  .version(version)
  .addCommand(startCommand())
  .addCommand(labCommand())
  .addCommand(reportCommand())
  .addCommand(adviseCommand())
  .addCommand(estimateCommand())
  .addCommand(wordcountCommand())

for (const command of [program, ...program.commands]) {
  command
    .exitOverride()
    .showHelpAfterError(false)
    // One line, whatever commander adds to it (its "Did you mean" stands on a second).
    .configureOutput({
      outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')} See --help.\n`),
    })
}

// `threadmap wordcount | head` closes the pipe early, which is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeFor(error)
}

/** 0 done, 1 a wrong or failed result, 2 asked for what cannot be done, 130 interrupted; and says why, in one line. */
function exitCodeFor(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof WorkbenchError) {
    process.stderr.write(`${'error:'} ${error.message}\n`)
    return error.exitCode
  }
  throw error
}
