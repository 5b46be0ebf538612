/** What processes listen at, as /proc tells it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Listener {
  readonly pid: number
  readonly protocol: 'tcp' | 'udp'
  /** The local address as the kernel writes it: hexadecimal, each 32 bits in the machine's order. */
  readonly address: string
  readonly port: number
  /** Whether only this machine can reach it: 127.0.0.0/8, ::1, or such an IPv4 address in an IPv6 one. */
  readonly isLoopback: boolean
}

const TCP_LISTEN = '0A'
/** A UDP socket that is not connected takes datagrams from everybody. */
const UDP_UNCONNECTED = '07'

/** The sockets at which these processes take TCP connections or UDP datagrams. Each process is looked at in its own network namespace. */
export function listenersOf(pids: readonly number[]): Listener[] {
  return pids.flatMap(pid => {
    const own = socketsOf(pid)
    if (own.size === 0) return []
    return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap(table => {
      const protocol = table.startsWith('tcp') ? 'tcp' : 'udp'
      const state = protocol === 'tcp' ? TCP_LISTEN : UDP_UNCONNECTED
      return entriesOf(`/proc/${pid}/net/${table}`)
        .filter(entry => entry.state === state && own.has(entry.inode))
        .map(({ address, port }) => ({ pid, protocol, address, port, isLoopback: isLoopback(address) }))
    })
  })
}

/** Whether a process is in our network namespace: others can reach what listens in a namespace of ours only through rules of ours. */
export function isInOurNetwork(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')
  } catch {
    return false
  }
}

/** The inodes of the sockets that a process has open. */
function socketsOf(pid: number): Set<string> {
  const inodes = new Set<string>()
  for (const descriptor of listOf(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode !== undefined) inodes.add(inode)
    } catch {
      // Closed meanwhile.
    }
  }
  return inodes
}

interface Entry {
  readonly address: string
  readonly port: number
  readonly state: string
  readonly inode: string
}

function entriesOf(path: string): Entry[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map(line => {
      const fields = line.trim().split(/\s+/)
      const [address, port] = fields[1].split(':')
      return { address, port: Number.parseInt(port, 16), state: fields[3], inode: fields[9] }
    })
}

/** Written on a little-endian machine: the last byte of each word comes first. */
function isLoopback(address: string): boolean {
  if (address.length === 8) return address.endsWith('7F')
  return (
    address === '00000000000000000000000001000000' ||
    (address.startsWith('0000000000000000FFFF0000') && address.endsWith('7F'))
  )
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
