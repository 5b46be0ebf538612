/** Starts some tied shells at once, with a mark among their arguments, in the folder that it is told; says so before it begins, and waits to be killed. */
import { join } from 'node:path'
import { Tied } from '#mesh/processes/tied.js'

const [folder, mark, count] = process.argv.slice(2)
process.stdout.write('begins\n')
await Promise.all(
  Array.from({ length: Number(count) }, (_, i) =>
    Tied.start({
      name: 'shell',
      program: '/bin/sh',
      args: ['-c', 'sleep 1000 & wait', mark],
      folder,
      log: join(folder, `${mark}-${i}.log`),
    }),
  ),
)
setInterval(() => {}, 1000)
