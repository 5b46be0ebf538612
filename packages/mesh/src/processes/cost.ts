/** What a process and its descendants cost, as /proc tells it. */
import { readdirSync, readFileSync } from 'node:fs'
import { treeOf } from './tied.js'

/** Processor time so far of all live threads below `pid`, in ms. The scheduler's own counter, in nanoseconds: ticks of 10 ms would be too coarse. */
export function processorMs(pid: number): number {
  let nanoseconds = 0
  for (const each of treeOf(pid)) {
    for (const task of tasksOf(each)) {
      nanoseconds += Number(readOr(`/proc/${each}/task/${task}/schedstat`, '0').split(' ', 1)[0])
    }
  }
  return nanoseconds / 1e6
}

/** Proportional set size of all processes below `pid`, in MB: pages that several processes share count in shares. */
export function pssMegabytes(pid: number): number {
  let kibibytes = 0
  for (const each of treeOf(pid)) {
    kibibytes += Number(/^Pss:\s+(\d+) kB$/m.exec(readOr(`/proc/${each}/smaps_rollup`, ''))?.[1] ?? 0)
  }
  return (kibibytes * 1024) / 1e6
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return otherwise
  }
}
