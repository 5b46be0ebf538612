/** An istiod of its own with many services, and an Envoy that it controls: what its control plane costs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serviceHost } from '../control/services.js'
import { LOOPBACK } from '../processes/ports.js'
import { Tied } from '../processes/tied.js'
import { bootstrap, discovery, ISTIOD_PATIENCE_MS, MESH_FILE, RESOURCES, resource } from './istiod-process.js'
import { accepts, text } from './proxy-pair.js'
import { answers, Steps } from './steps.js'
import type { Adapter, Controlled } from './subject.js'

const SERVICES = 'services.yaml'

export const startIstiodServices: NonNullable<Adapter['control']> = async (binary, plan) => {
  const { folder, ports } = plan
  const { outbound } = ports
  const [xds] = ports.admin
  const config = join(folder, RESOURCES)
  const processes: Tied[] = []
  const stop = async () => {
    await Promise.all(processes.map(process => process.kill()))
  }
  const started = async (
    name: string,
    program: string,
    { args, env }: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
    ready: () => Promise<boolean>,
  ) => {
    const log = join(folder, `${name}.log`)
    const process = await Tied.start({ name: `${binary.subject}, ${name}`, program, args, folder, log, env })
    processes.push(process)
    await process.ready(ready, ISTIOD_PATIENCE_MS)
    return process
  }
  const give = (count: number) => {
    const entries = Array.from({ length: count }, (_, at) => text(service(at, outbound, plan.apps.stable)))
    new Steps().write(join(config, SERVICES), entries.join('---\n'))
  }
  try {
    mkdirSync(config, { recursive: true, mode: 0o700 })
    const write = (name: string, content: object) => writeFileSync(join(folder, name), text(content), { mode: 0o600 })
    write(MESH_FILE, { defaultConfig: { discoveryAddress: `${LOOPBACK}:${xds}` } })
    write(join(RESOURCES, 'sidecar.yaml'), sidecar(outbound))
    // A table of routes without services is none.
    give(1)
    const control = await started('control', binary.path, discovery(folder, xds), () => accepts(xds))
    write('envoy.json', bootstrap('client', LOOPBACK, xds))
    const flags = ['--concurrency', '1', '--log-level', 'error', '--disable-hot-restart']
    const args = ['-c', join(folder, 'envoy.json'), ...flags]
    const proxy = await started('proxy', binary.helper!, { args, env: {} }, () => accepts(outbound))
    const controlled: Controlled = {
      service: 'a ServiceEntry, of which Istio makes a cluster and a virtual host for one Envoy',
      control,
      proxy,
      async services(count) {
        give(count)
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

/** One that needs no certificate, as those that our own control plane has. */
function service(at: number, port: number, app: number): object {
  return resource('networking', 'ServiceEntry', `service-${at}`, {
    hosts: [serviceHost(at)],
    ports: [{ number: port, name: 'http', protocol: 'HTTP' }],
    resolution: 'STATIC',
    location: 'MESH_EXTERNAL',
    endpoints: [{ address: LOOPBACK, ports: { http: app } }],
  })
}

function sidecar(port: number): object {
  const listener = { port: { number: port, protocol: 'HTTP', name: 'http' }, bind: LOOPBACK, captureMode: 'NONE' }
  return resource('networking', 'Sidecar', 'client', {
    workloadSelector: { labels: { app: 'client' } },
    egress: [{ ...listener, hosts: ['./*'] }],
  })
}
