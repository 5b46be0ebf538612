/** Starts a tied shell with a grandchild in the folder that it is told, prints the PIDs of all of them as JSON, and waits to be killed. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Tied, treeOf } from '#mesh/processes/tied.js'

const [folder] = process.argv.slice(2)
const script = 'sleep 1000 & sh -c "sleep 1001 & wait" & wait'
const tied = await Tied.start({
  name: 'shell',
  program: '/bin/sh',
  args: ['-c', script],
  folder,
  log: join(folder, 'log'),
})
// The shell, the inner shell, and the two sleeps.
while (treeOf(tied.pid).length < 4) await delay(5)
process.stdout.write(`${JSON.stringify(treeOf(tied.pid))}\n`)
setInterval(() => {}, 1000)
