/** The mesh's part of the command `threadmap`, which finds it by package.json. */
import type { Command } from 'commander'
import { meshCommand } from './command.js'

export function commands(): readonly Command[] {
  return [meshCommand()]
}
