/**
 * Two datacentres of Consul, one agent each, federated over a link of ours. All addresses are in 127.0.0.0/8: each agent listens at one of them and
 * tells the other datacentre another one, at which the link listens, so that all gossip and all requests between the two pass through the link.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binary } from '../install/installed.js'
import { Link } from '../links/link.js'
import { ProxyError } from '../processes/errors.js'
import { LOOPBACK } from '../processes/ports.js'
import { Tied } from '../processes/tied.js'
import { call } from './steps.js'
import type { Federation, PairPlan } from './subject.js'

const DATACENTRES = [
  { name: 'dc1', own: '127.0.0.11', behindLink: '127.0.1.11' },
  { name: 'dc2', own: '127.0.0.12', behindLink: '127.0.1.12' },
] as const
type Datacentre = (typeof DATACENTRES)[number]

const START_MS = 40_000

/** The ports of both agents: what they share is told apart by their addresses. */
interface AgentPorts {
  readonly http: readonly [number, number]
  readonly server: number
  readonly lan: number
  readonly wan: number
}

export async function federate(
  binary: Binary,
  { folder, ports: { outbound, inbound, admin } }: Pick<PairPlan, 'folder' | 'ports'>,
): Promise<Federation> {
  const ports: AgentPorts = { http: [outbound, inbound], server: admin[0], lan: admin[1], wan: admin[2] }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const started: { stop(): Promise<void> }[] = []
  const stop = async () => {
    await Promise.all(started.map(each => each.stop()))
  }
  try {
    // Gossip is UDP, and TCP for larger messages; requests between datacentres are TCP.
    const routes = DATACENTRES.flatMap(({ own, behindLink }) => [
      { host: behindLink, port: ports.server, targetHost: own, target: ports.server },
      { host: behindLink, port: ports.wan, targetHost: own, target: ports.wan, datagrams: true },
    ])
    const link = await Link.start({ folder, name: 'wan', routes })
    started.push(link)
    for (const at of DATACENTRES.keys()) {
      const agent = await startAgent(binary, folder, at, ports)
      started.push({ stop: () => agent.kill() })
    }
    const federation: Federation = {
      announce: mark => announce(ports.http[1], mark),
      discover: () => discover(ports.http[0]),
      cut: () => link.change({ isCut: true }),
      join: () => link.change({ isCut: false }),
      stop,
    }
    return federation
  } catch (error) {
    await stop()
    throw error
  }
}

async function startAgent(binary: Binary, folder: string, at: number, ports: AgentPorts): Promise<Tied> {
  const { name } = DATACENTRES[at]
  const file = join(folder, `${name}.json`)
  const data = join(folder, `${name}-data`)
  mkdirSync(data, { recursive: true })
  writeFileSync(file, JSON.stringify(configuration(DATACENTRES[at], DATACENTRES[1 - at], ports, ports.http[at])))
  const agent = await Tied.start({
    name: `Consul of ${name}`,
    program: binary.path,
    args: ['agent', '-server', '-bootstrap', '-data-dir', data, '-config-file', file],
    folder,
    log: join(folder, `${name}.log`),
    env: binary.env,
  })
  try {
    await agent.ready(() => hasLeader(ports.http[at]), START_MS)
    return agent
  } catch (error) {
    await agent.kill()
    throw error
  }
}

function configuration(here: Datacentre, there: Datacentre, ports: AgentPorts, http: number): object {
  return {
    datacenter: here.name,
    node_name: here.name,
    bind_addr: here.own,
    advertise_addr: here.own,
    advertise_addr_wan: here.behindLink,
    serf_wan: here.own,
    client_addr: LOOPBACK,
    retry_join_wan: [`${there.behindLink}:${ports.wan}`],
    // Every second, so that the start does not take half a minute; what is measured is after that.
    retry_interval_wan: '1s',
    disable_update_check: true,
    log_level: 'WARN',
    ports: { http, dns: -1, grpc: -1, server: ports.server, serf_lan: ports.lan, serf_wan: ports.wan },
  }
}

/** An agent is of use when its datacentre, of one server, has a leader. */
async function hasLeader(http: number): Promise<boolean> {
  try {
    return JSON.parse(await call(http, 'GET', '/v1/status/leader')) !== ''
  } catch {
    return false
  }
}

async function announce(http: number, mark: string): Promise<void> {
  const service = { Name: 'web', Address: LOOPBACK, Port: 1, Meta: { mark } }
  await call(http, 'PUT', '/v1/agent/service/register', service)
}

async function discover(http: number): Promise<string> {
  const found = JSON.parse(await call(http, 'GET', '/v1/health/service/web?dc=dc2')) as {
    readonly Service?: { readonly Meta?: { readonly mark?: string } }
  }[]
  const mark = found[0]?.Service?.Meta?.mark
  if (mark === undefined) throw new ProxyError('dc1 knows no service of dc2')
  return mark
}
