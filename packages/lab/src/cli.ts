/** The program behind `bin/threadmap.js`. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { runProgram } from '@threadmap/workbench/command/program'

const { version, description } = createRequire(import.meta.url)('../package.json') as Record<
  'version' | 'description',
  string
>

await runProgram({ version, description, own: fileURLToPath(new URL('..', import.meta.url)) })
