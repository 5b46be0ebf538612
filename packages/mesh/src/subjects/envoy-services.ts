/** Our xDS server as a process of its own, with many services, and an Envoy that it controls: what a control plane costs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serviceHost } from '../control/services.js'
import { Tied } from '../processes/tied.js'
import { cluster, HTTP2_ONLY, listener, speaking } from './envoy.js'
import { accepts } from './proxy-pair.js'
import { answers, call } from './steps.js'
import type { Adapter, Controlled } from './subject.js'

const ADS = { resource_api_version: 'V3', ads: {} }

export const startEnvoyServices: NonNullable<Adapter['control']> = async (binary, plan) => {
  const { outbound, admin } = plan.ports
  const [commands, xds] = admin
  const processes: Tied[] = []
  const stop = async () => {
    await Promise.all(processes.map(process => process.kill()))
  }
  const started = async (name: string, program: string, args: readonly string[], ready: () => Promise<boolean>) => {
    const log = join(plan.folder, `${name}.log`)
    const process = await Tied.start({ name: `${binary.subject}, ${name}`, program, args, folder: plan.folder, log })
    processes.push(process)
    await process.ready(ready)
    return process
  }
  try {
    const program = fileURLToPath(new URL('../control/program.js', import.meta.url))
    const numbers = [commands, xds, plan.apps.stable].map(String)
    const control = await started('control', process.execPath, [program, ...numbers], () => accepts(commands))
    // Envoy opens no listener before it has its first clusters.
    await call(commands, 'PUT', '/services/1')
    const file = join(plan.folder, 'envoy.json')
    writeFileSync(file, JSON.stringify(bootstrap(outbound, xds)), { mode: 0o600 })
    const args = ['-c', file, '--concurrency', '1', '--log-level', 'error', '--use-dynamic-base-id']
    const proxy = await started('proxy', binary.path, args, () => accepts(outbound))
    const controlled: Controlled = {
      service: 'a cluster and a virtual host, pushed to one Envoy',
      control,
      proxy,
      async services(count) {
        await call(commands, 'PUT', `/services/${count}`)
      },
      hasConverged: count => answers(outbound, serviceHost(count - 1)),
      stop,
    }
    return controlled
  } catch (error) {
    await stop()
    throw error
  }
}

function bootstrap(port: number, xds: number): object {
  const control = speaking(cluster('control', xds), HTTP2_ONLY)
  const services = [{ envoy_grpc: { cluster_name: 'control' } }]
  const routes = { rds: { route_config_name: 'services', config_source: ADS } }
  return {
    node: { id: 'proxy', cluster: 'mesh' },
    dynamic_resources: {
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: services },
      cds_config: ADS,
    },
    static_resources: { listeners: [listener('outbound', port, routes)], clusters: [control] },
  }
}
