/** `threadmap mesh` by itself, as the command would run it. */
import { meshCommand } from '#mesh/command.js'

try {
  await meshCommand().parseAsync()
} catch (error) {
  if (!(error instanceof Error && 'exitCode' in error)) throw error
  process.stderr.write(`error: ${error.message}\n`)
  process.exitCode = error.exitCode as number
}
