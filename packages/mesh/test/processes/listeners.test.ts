import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { listenersOf } from '#mesh/processes/listeners.js'

const skip = process.platform === 'linux' ? false : 'listeners are read from /proc'
const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(({ family }) => family === 'IPv6'))

test('listeners are found with their addresses, and those beyond the loopback interface are told apart', {
  skip,
}, async t => {
  const hosts = {
    '127.0.0.1': true,
    '127.1.2.3': true,
    '0.0.0.0': false,
    ...(hasIpv6 ? { '::1': true, '::': false } : {}),
  }
  for (const [host, expected] of Object.entries(hosts)) {
    const server = createServer().listen({ host, port: 0, ipv6Only: host.includes(':') })
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const found = listenersOf([process.pid]).filter(each => each.protocol === 'tcp' && each.port === port)
    assert.deepEqual(
      found.map(({ isLoopback, pid }) => [pid, isLoopback]),
      [[process.pid, expected]],
      host,
    )
  }
})

test('sockets for datagrams are found too', { skip }, async t => {
  for (const [host, expected] of [
    ['127.0.0.1', true],
    ['0.0.0.0', false],
  ] as const) {
    const socket = createSocket('udp4').bind(0, host)
    t.after(() => socket.close())
    await once(socket, 'listening')
    const { port } = socket.address()
    const found = listenersOf([process.pid]).filter(each => each.protocol === 'udp' && each.port === port)
    assert.deepEqual(
      found.map(({ isLoopback }) => isLoopback),
      [expected],
    )
  }
})

test('connections are no listeners, and a process that has ended has none', { skip }, async () => {
  assert.deepEqual(listenersOf([2 ** 22 + 1]), [])
})
