/** Starts a tied shell with a grandchild, prints the PIDs of all of them as JSON, and waits to be killed. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Tied, treeOf } from '#mesh/processes/tied.js'

const folder = mkdtempSync(join(tmpdir(), 'threadmap-tied-'))
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
