import { Command } from 'commander'
import { installCommand } from './install/command.js'
import { measuring } from './run/command.js'
import { runIn } from './run-file.js'
import { adviseCommand } from './select/command.js'

/** `threadmap mesh`, with its subcommands. */
export function meshCommand(): Command {
  const mesh = new Command('mesh').description(
    'Measures, breaks and compares the proxies of service meshes on this machine',
  )
  return measuring(mesh).addCommand(installCommand()).addCommand(adviseCommand(runIn))
}
