/** How long a program waits for its first map: processes that have done nothing yet, one after another. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { spread } from '@threadmap/workbench/statistics'
import type { Cold } from './cold-child.js'
import type { ColdJob, Subject } from './jobs.js'

const CHILD = fileURLToPath(new URL('./cold-child.js', import.meta.url))
/** Processes in a round: the first has to read files that no other has read lately. */
const STARTS = 5

export function cold({ subject, part }: ColdJob): Subject {
  return () => {
    const runs = Array.from({ length: STARTS }, (): Cold => {
      const { stdout, stderr, status } = spawnSync(process.execPath, [CHILD, subject], { encoding: 'utf8' })
      if (status !== 0) throw new Error(`a process that starts ended with ${status}: ${stderr}`)
      return JSON.parse(stdout)
    })
    return { value: spread(runs.map(run => run[part])).median }
  }
}
