/** The governor's part of the command `threadmap`, which finds it by package.json. */
import type { Command } from 'commander'
import { topCommand } from './seeing/top/command.js'

export function commands(): readonly Command[] {
  return [topCommand()]
}
