/** What Linux tells of the processes of a server on this machine: which they are, and the processor time of their threads. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Processor time of one thread, in ms since it began. */
export interface ThreadTimes {
  readonly pid: number
  readonly tid: number
  /** The name that the kernel has for it: `node`, `MainThread`, `libuv-worker`. */
  readonly name: string
  readonly ran: number
  /** It could have run, but no core was free. */
  readonly waited: number
}

/** The state of a listening socket in /proc/net/tcp. */
const LISTEN = '0A'

/** The processes that listen on a port of this machine, and their descendants; empty where the system does not tell. */
export function serversOn(port: number): number[] {
  const inodes = new Set(listening(port).map(({ inode }) => inode))
  if (inodes.size === 0) return []
  const own = processes().filter(pid => openSockets(pid).some(inode => inodes.has(inode)))
  return [...new Set(own.flatMap(pid => [pid, ...descendants(pid)]))]
}

/** Connections that the kernel has accepted and the program has not: the length of the queue of each listening socket, added up. */
export function backlogOf(port: number): number | undefined {
  const found = listening(port)
  return found.length === 0 ? undefined : found.reduce((sum, { queued }) => sum + queued, 0)
}

function listening(port: number): { readonly inode: string; readonly queued: number }[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(file =>
    linesOf(file)
      .slice(1)
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[3] === LISTEN && Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port)
      .map(fields => ({ inode: fields[9], queued: Number.parseInt(fields[4].split(':')[1], 16) })),
  )
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n')
  } catch {
    return []
  }
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter(name => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

const processes = () => numbersIn('/proc')

function openSockets(pid: number): string[] {
  return numbersIn(`/proc/${pid}/fd`).flatMap(fd => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
    } catch {
      return []
    }
  })
}

function descendants(of: number): number[] {
  const children = processes().filter(pid => {
    const [stat = ''] = linesOf(`/proc/${pid}/stat`)
    // The name of the program, in brackets, may have blanks; the parent is the second field behind it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === of
  })
  return children.flatMap(pid => [pid, ...descendants(pid)])
}

/** The times of all threads of these processes. */
export function threadTimes(pids: readonly number[]): ThreadTimes[] {
  return pids.flatMap(pid =>
    numbersIn(`/proc/${pid}/task`).flatMap(tid => {
      const [times = ''] = linesOf(`/proc/${pid}/task/${tid}/schedstat`)
      const [name = ''] = linesOf(`/proc/${pid}/task/${tid}/comm`)
      const [ran, waited] = times.split(' ').map(ns => Number(ns) / 1e6)
      return Number.isFinite(ran) && Number.isFinite(waited) ? [{ pid, tid, name, ran, waited }] : []
    }),
  )
}
