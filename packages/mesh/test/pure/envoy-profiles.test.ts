import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROFILES, profiled } from '#mesh/subjects/envoy-profiles.js'

const MANAGER = 'envoy.filters.network.http_connection_manager'

/** As much of a plain bootstrap as profiles change. */
function plain(side: 'client' | 'server') {
  const tls = (peer: string) => ({
    typed_config: {
      common_tls_context: {
        alpn_protocols: ['http/1.1'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3' },
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: peer } }],
          },
        },
      },
    },
  })
  const route_config = { virtual_hosts: [{ routes: [{ match: { prefix: '/' }, route: { cluster: 'peer' } }] }] }
  const manager = {
    http_filters: [{ name: 'envoy.filters.http.router' }],
    ...(side === 'client' ? { route_config } : {}),
  }
  const chain = { filters: [{ name: MANAGER, typed_config: manager }] }
  return {
    static_resources: {
      listeners: [{ filter_chains: [side === 'server' ? { ...chain, transport_socket: tls('client') } : chain] }],
      clusters:
        side === 'client'
          ? [{ name: 'peer', connect_timeout: '1s', transport_socket: tls('server') }, { name: 'control' }]
          : [{ name: 'stable', connect_timeout: '1s' }, { name: 'canary' }],
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: configurations are documents without types.
const changed = (at: number, side: 'client' | 'server') => profiled(PROFILES[at], side, plain(side)) as any

for (const [at, { subject }] of PROFILES.entries()) {
  test(`${subject}: the router stays the last filter, and the plain configuration is not touched`, () => {
    for (const side of ['client', 'server'] as const) {
      const before = plain(side)
      const { filters } = changed(at, side).static_resources.listeners[0].filter_chains[0]
      const names = filters.at(-1).typed_config.http_filters.map(({ name }: { name: string }) => name)
      assert.equal(names.at(-1), 'envoy.filters.http.router')
      assert.equal(filters.at(-1).name, MANAGER)
      assert.deepEqual(plain(side), before)
    }
  })

  test(`${subject}: the server lets any name of the domain through TLS, and the client alone by RBAC`, () => {
    const [chain] = changed(at, 'server').static_resources.listeners[0].filter_chains
    const context = chain.transport_socket.typed_config.common_tls_context
    const [{ matcher }] = context.combined_validation_context.default_validation_context.match_typed_subject_alt_names
    assert.deepEqual(matcher, { prefix: 'spiffe://mesh.local/' })
    const [rbac] = chain.filters.at(-1).typed_config.http_filters
    assert.equal(rbac.name, 'envoy.filters.http.rbac')
    const { principals } = rbac.typed_config.rules.policies.client
    assert.deepEqual(principals, [
      { authenticated: { principal_name: { exact: 'spiffe://mesh.local/ns/default/sa/client' } } },
    ])
  })

  test(`${subject}: the client still checks the server's name, and only clusters of the mesh change`, () => {
    const [peer, control] = changed(at, 'client').static_resources.clusters
    const { common_tls_context: context } = peer.transport_socket.typed_config
    const [{ matcher }] = context.combined_validation_context.default_validation_context.match_typed_subject_alt_names
    assert.deepEqual(matcher, { exact: 'server' })
    assert.ok(context.alpn_protocols.includes('http/1.1'))
    assert.deepEqual(control, { name: 'control' })
  })
}

test('no profile asks for TLS 1.3 alone, since none of the meshes does by itself', () => {
  for (const at of PROFILES.keys()) {
    const [chain] = changed(at, 'server').static_resources.listeners[0].filter_chains
    const { tls_params } = chain.transport_socket.typed_config.common_tls_context
    assert.notEqual(tls_params.tls_minimum_protocol_version, 'TLSv1_3')
  }
})
