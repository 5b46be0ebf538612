import { caddy } from './caddy.js'
import { consul } from './consul.js'
import { envoy } from './envoy.js'
import { envoyProfiles } from './envoy-profiles.js'
import { envoyXds } from './envoy-xds.js'
import { haproxy26, haproxy28 } from './haproxy.js'
import { istiod } from './istiod.js'
import { linkerd } from './linkerd.js'
import { nginx } from './nginx.js'
import type { Adapter } from './subject.js'
import { traefik } from './traefik.js'

/** All adapters, in the order of reports. */
export const ADAPTERS: readonly Adapter[] = [
  envoy,
  envoyXds,
  ...envoyProfiles,
  haproxy28,
  haproxy26,
  nginx,
  caddy,
  traefik,
  consul,
  linkerd,
  istiod,
]

/** Data planes without an adapter, and why: no package has them. */
export const WITHOUT_ADAPTER: readonly { readonly subject: string; readonly why: string }[] = [
  { subject: 'ztunnel, Kuma, Cilium', why: 'no package has them' },
  { subject: 'Open Service Mesh', why: 'archived in 2023; no package has it' },
]
