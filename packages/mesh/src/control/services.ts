/** Services as Envoy knows them: a cluster each, and a virtual host each in one table of routes. */
import { LOOPBACK } from '../processes/ports.js'
import type { Resource } from './xds.js'

const TYPE = 'type.googleapis.com/envoy'

/** The name by which service number `at` is called. */
export function serviceHost(at: number): string {
  return `service-${at}.mesh`
}

/** The resources of `count` services that all listen at `port`, with their names. */
export function serviceResources(count: number, port: number): (readonly [string, Resource])[] {
  const address = { socket_address: { address: LOOPBACK, port_value: port } }
  const numbers = Array.from({ length: count }, (_, at) => at)
  const clusters = numbers.map((at): readonly [string, Resource] => {
    const name = `service-${at}`
    const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }]
    return [
      name,
      {
        '@type': `${TYPE}.config.cluster.v3.Cluster`,
        name,
        connect_timeout: { seconds: 1 },
        type: 'STATIC',
        load_assignment: { cluster_name: name, endpoints },
      },
    ]
  })
  const virtual_hosts = numbers.map(at => ({
    name: `service-${at}`,
    domains: [serviceHost(at)],
    routes: [{ match: { prefix: '/' }, route: { cluster: `service-${at}` } }],
  }))
  const routes = { '@type': `${TYPE}.config.route.v3.RouteConfiguration`, name: 'services', virtual_hosts }
  return [...clusters, ['services', routes]]
}
