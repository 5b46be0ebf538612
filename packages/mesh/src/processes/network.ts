/**
 * Network namespaces of our own, for proxies that ask the kernel where a connection was going (SO_ORIGINAL_DST): they need redirections, which
 * would change the machine's own network. The whole command runs in one namespace, and the server's sidecar in a second one behind a veth.
 * Both vanish with their processes, with all rules and interfaces.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { ProxyError } from './errors.js'
import { LOOPBACK } from './ports.js'
import { Tied } from './tied.js'

/** Set for the command that runs in a namespace of its own. */
const MARK = 'THREADMAP_MESH_NETWORK'

/** Whoever is not root may have network namespaces only inside a user namespace. */
function unshareArgs(): string[] {
  return process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']
}

/** Tools for interfaces and rules are in folders that not every user's PATH has. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
}

/** Everything that is needed later, tried in a namespace that vanishes at once. */
const TRIAL = `ip link set lo up
ip link add tm-near type veth peer name tm-far
ip addr add 10.77.0.1/24 dev tm-near
echo 1 > /proc/sys/net/ipv4/conf/tm-near/route_localnet
printf 'table ip t {\\n chain c { type nat hook output priority -100; ip daddr 127.0.0.1 tcp dport 1 redirect to :2; }\\n}\\n' | nft -f -`

/** Why network namespaces with redirections cannot be had here, or undefined. */
export function networkProblem(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}`
  const options = { encoding: 'utf8', env: environment() } as const
  const { status, error, stderr } = spawnSync('unshare', [...unshareArgs(), 'sh', '-ec', TRIAL], options)
  if (status === 0) return undefined
  const said = error?.message ?? stderr.trim().split('\n')[0]
  return `unshare, ip and nft (packages util-linux, iproute2 and nftables) do not work together here: ${said || `status ${status}`}`
}

/** Whether this process runs in a network namespace of its own. */
export function hasOwnNetwork(): boolean {
  return process.env[MARK] === '1'
}

/** Runs this command once more, in a network namespace of its own. An interrupt of `signal` is passed on. @returns its exit code */
export async function runInOwnNetwork(signal: AbortSignal): Promise<number> {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...again]
  // A session of its own: an interrupt of the terminal reaches the parent alone, which passes it on once.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...unshareArgs(), ...inside], {
    stdio: 'inherit',
    detached: true,
    env: { ...environment(), [MARK]: '1' },
  })
  const interrupt = () => child.kill('SIGINT')
  signal.addEventListener('abort', interrupt)
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

/** Ports on both sides of a `FarNetwork`. */
export interface FarPorts {
  /** At which requests on our loopback interface go to a local proxy, and the port of that proxy. */
  readonly outbound: { readonly port: number; readonly proxy: number }
  /** At which connections on our loopback interface, and to the far addresses, go to the far proxy, and the port of that proxy. */
  readonly inbound: { readonly port: number; readonly proxy: number }
  /** Ports of our loopback interface at which the far proxy's own connections to its first and to its second address end. */
  readonly apps: readonly [number, number]
  /** A port of our loopback interface at which the far proxy's administration is reached, and its own port. */
  readonly admin: { readonly port: number; readonly proxy: number }
  /** Ports of our loopback interface that the far loopback interface has, too. */
  readonly shared: readonly number[]
}

/** Networks so far; each has addresses of its own, so that several pairs can run. */
let networks = 0
/** Whether our own namespace has what the pairs share. */
let isPrepared = false

/** A second network namespace, behind a veth, with the redirections of a pair of sidecars. */
export class FarNetwork {
  readonly #holder: Tied
  readonly #table: string
  /** Our end of the veth. */
  readonly near: string
  /** Two addresses of the far end. */
  readonly far: readonly [string, string]

  private constructor(holder: Tied, table: string, near: string, far: readonly [string, string]) {
    this.#holder = holder
    this.#table = table
    this.near = near
    this.far = far
  }

  /** `hasOwnNetwork` must hold, since rules are added to our own namespace. The log gets what the namespace's first process says. */
  static async start(folder: string, log: string, ports: FarPorts): Promise<FarNetwork> {
    if (!hasOwnNetwork()) throw new ProxyError('a second network needs a command that runs in a namespace of its own')
    const number = networks++
    const network = `10.77.${number % 250}`
    const holder = await Tied.start({
      name: 'network namespace',
      program: 'unshare',
      args: ['--net', 'sleep', 'infinity'],
      folder,
      log,
    })
    const table = `threadmap-${number}`
    const near = `${network}.1`
    const far = [`${network}.2`, `${network}.3`] as const
    try {
      const own = readlinkSync('/proc/self/ns/net')
      await holder.ready(async () => namespaceOf(holder.pid) !== own)
      const link = `tm-near-${number}`
      // Pairs start at once, so the first that gets here is not always the first that began.
      if (!isPrepared) shell(`nft -f - <<'RULES'\n${UNTRACKED}\nRULES`)
      isPrepared = true
      shell(`ip link add ${link} type veth peer name tm-far netns ${holder.pid}
ip addr add ${near}/24 dev ${link}
ip link set ${link} up
echo 1 > /proc/sys/net/ipv4/conf/${link}/route_localnet
nft -f - <<'RULES'
${nearRules(table, link, far, ports)}
RULES`)
      shell(
        `ip link set lo up
${far.map(address => `ip addr add ${address}/24 dev tm-far`).join('\n')}
ip link set tm-far up
echo 1 > /proc/sys/net/ipv4/conf/tm-far/route_localnet
nft -f - <<'RULES'
${farRules(near, far, ports)}
RULES`,
        holder.pid,
      )
    } catch (error) {
      await holder.kill()
      throw error
    }
    return new FarNetwork(holder, table, near, far)
  }

  /** The program and its arguments, run in the far namespace. */
  inside(program: string, args: readonly string[]): { readonly program: string; readonly args: readonly string[] } {
    return { program: 'nsenter', args: [`--net=/proc/${this.#holder.pid}/ns/net`, program, ...args] }
  }

  /** Its interfaces go with its first process. */
  async stop(): Promise<void> {
    await this.#holder.kill()
    shell(`nft delete table ip ${this.#table}`)
  }
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    // Not readable while the process is being set up: not yet another namespace.
    return readlinkSync('/proc/self/ns/net')
  }
}

function shell(script: string, pid?: number): void {
  const [program, ...args] = pid === undefined ? ['sh'] : ['nsenter', `--net=/proc/${pid}/ns/net`, 'sh']
  try {
    execFileSync(program, [...args, '-ec', script], { env: environment(), stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? '').trim()
    throw new ProxyError(`a network namespace could not be set up: ${said || (error as Error).message}`)
  }
}

/** Connections that no pair's rules are about are not tracked, so that the rules cost all others next to nothing. */
const UNTRACKED = `table ip threadmap {
  set tracked { type inet_service; }
  set proxies { type inet_service; }
  chain untracked { type filter hook output priority -300; oifname lo tcp dport != @tracked tcp sport != @proxies notrack; }
}`

/** The rules on our side: to the local proxy, to the far one, and back from it to our loopback interface. */
function nearRules(table: string, link: string, far: readonly string[], ports: FarPorts): string {
  const { outbound, inbound, apps, admin, shared } = ports
  return `add element ip threadmap tracked { ${outbound.port}, ${inbound.port}, ${admin.port} }
add element ip threadmap proxies { ${outbound.proxy} }
table ip ${table} {
  chain out {
    type nat hook output priority -100;
    ip daddr ${LOOPBACK} tcp dport ${outbound.port} redirect to :${outbound.proxy}
    ip daddr ${LOOPBACK} tcp dport ${inbound.port} dnat to ${far[0]}
    ip daddr ${LOOPBACK} tcp dport ${admin.port} dnat to ${far[0]}:${admin.proxy}
  }
  chain in { type nat hook prerouting priority -100; iifname ${link} tcp dport { ${[...apps, ...shared].join(', ')} } dnat to ${LOOPBACK}; }
  chain leave { type nat hook postrouting priority 100; oifname ${link} ip saddr 127.0.0.0/8 masquerade; }
}`
}

/** The rules on the far side: what comes in goes to the proxy, what the proxy sends on goes to the server on our side. */
function farRules(near: string, far: readonly string[], { inbound, apps, shared }: FarPorts): string {
  return `table ip threadmap {
  chain in { type nat hook prerouting priority -100; iifname tm-far tcp dport ${inbound.port} redirect to :${inbound.proxy}; }
  chain out {
    type nat hook output priority -100;
    ip daddr ${far[0]} tcp dport ${inbound.port} dnat to ${near}:${apps[0]}
    ip daddr ${far[1]} tcp dport ${inbound.port} dnat to ${near}:${apps[1]}
    ip daddr ${LOOPBACK} tcp dport { ${shared.join(', ')} } dnat to ${near}
  }
  chain leave { type nat hook postrouting priority 100; oifname tm-far ip saddr 127.0.0.0/8 masquerade; }
}`
}
