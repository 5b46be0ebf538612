/** The processors that a thread runs on. Node has no call for them; on Linux, /proc names them and `taskset` sets them. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/** The processors that the calling thread may run on; none if the system does not tell. */
export function allowedProcessors(): number[] {
  try {
    const status = readFileSync('/proc/thread-self/status', 'utf8')
    return processorList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '')
  } catch {
    return []
  }
}

/** Binds the calling thread to these processors. Returns false if the system cannot; the thread then stays as it was. */
export function pin(processors: readonly number[]): boolean {
  try {
    const thread = readlinkSync('/proc/thread-self').split('/').at(-1) as string
    execFileSync('taskset', ['-pc', processors.join(','), thread], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** `0-3,8` as numbers. */
export function processorList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap(part => {
      const [low, high = low] = part.split('-').map(Number)
      return Array.from({ length: high - low + 1 }, (_, i) => low + i)
    })
}
