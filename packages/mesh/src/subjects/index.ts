import { caddy } from './caddy.js'
import { consul } from './consul.js'
import { envoy } from './envoy.js'
import { envoyXds } from './envoy-xds.js'
import { haproxy26, haproxy28 } from './haproxy.js'
import { nginx } from './nginx.js'
import type { Adapter } from './subject.js'
import { traefik } from './traefik.js'

/** All adapters, in the order of reports. */
export const ADAPTERS: readonly Adapter[] = [envoy, envoyXds, haproxy28, haproxy26, nginx, caddy, traefik, consul]

/** Data planes without an adapter, and why: no package has them. */
export const WITHOUT_ADAPTER: readonly { readonly subject: string; readonly why: string }[] = [
  { subject: 'linkerd2-proxy', why: 'no package has it; it takes its own control plane and two network namespaces' },
  {
    subject: 'istiod',
    why: 'no package has it, and it does not start without a Kubernetes client unless it is rebuilt',
  },
  { subject: 'ztunnel, Kuma, Cilium', why: 'no package has them' },
  { subject: 'Open Service Mesh', why: 'archived in 2023; no package has it' },
]
