/** A Consul agent of its own with many services, each with a sidecar: what its control plane costs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tied } from '../processes/tied.js'
import { call } from './steps.js'
import type { Adapter, Controlled } from './subject.js'

/** Registrations that are under way at a time. */
const AT_A_TIME = 8

export const startConsulServices: NonNullable<Adapter['control']> = async (binary, plan) => {
  const [http, server, lan] = plan.ports.admin
  const data = join(plan.folder, 'data')
  const file = join(plan.folder, 'agent.json')
  mkdirSync(data, { recursive: true })
  const agent = {
    datacenter: 'dc1',
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    disable_update_check: true,
    log_level: 'WARN',
    ports: { http, dns: -1, grpc: -1, server, serf_lan: lan, serf_wan: -1 },
    connect: { enabled: true },
  }
  writeFileSync(file, JSON.stringify(agent), { mode: 0o600 })
  const control = await Tied.start({
    name: 'consul, an agent with many services',
    program: binary.path,
    args: ['agent', '-server', '-bootstrap', '-data-dir', data, '-config-file', file],
    folder: plan.folder,
    log: join(plan.folder, 'agent.log'),
    env: binary.env,
  })
  const hasLeader = () =>
    call(http, 'GET', '/v1/status/leader').then(
      said => said.length > 4,
      () => false,
    )
  try {
    await control.ready(hasLeader, 30_000)
  } catch (error) {
    await control.kill()
    throw error
  }
  let known = 0
  const controlled: Controlled = {
    service: 'a service and its sidecar, registered with the agent',
    control,
    async services(count) {
      while (known < count) {
        const batch = Array.from({ length: Math.min(AT_A_TIME, count - known) }, (_, i) => known + i)
        await Promise.all(
          batch.map(at => call(http, 'PUT', '/v1/agent/service/register', service(at, plan.apps.stable))),
        )
        known += batch.length
      }
    },
    async hasConverged(count) {
      const found = await call(http, 'GET', `/v1/catalog/connect/service-${count - 1}`).catch(() => '[]')
      return (JSON.parse(found) as unknown[]).length > 0
    },
    stop: () => control.kill(),
  }
  return controlled
}

/** The agent looks at the sidecar's port again and again, so that is one at which somebody listens. */
function service(at: number, port: number): object {
  const address = { Address: '127.0.0.1', Port: port }
  return { Name: `service-${at}`, ...address, Connect: { SidecarService: address } }
}
