/** The lab's part of the command `threadmap`. The command finds and loads it like the part of any other package (see package.json). */
import type { Found } from '@threadmap/workbench/command/part'
import type { Command } from 'commander'
import { adviseCommand } from './advice/command.js'
import { estimateCommand } from './estimate/command.js'
import { labCommand, withoutClashes } from './lab/command.js'
import { reportCommand } from './report/command.js'
import { startCommand } from './start/command.js'
import { wordcountCommand } from './wordcount/command.js'

export { EXPERIMENTS as experiments } from './experiments/index.js'

export function commands(found: Found): readonly Command[] {
  const experiments = withoutClashes(found)
  return [
    startCommand(experiments),
    labCommand(experiments),
    reportCommand(),
    adviseCommand(),
    estimateCommand(),
    wordcountCommand(),
  ]
}
