import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { freePorts, LOOPBACK } from '#mesh/processes/ports.js'

test('a port that is in use is named, with what to do', async () => {
  const server = createServer().listen(0, LOOPBACK)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await assert.rejects(freePorts(port, 1), new RegExp(`port ${port} is in use; give --ports another`))
  server.close()
})

test('a first port outside the range is refused', async () => {
  await assert.rejects(freePorts(80, 2), /ports 80 to 81 cannot be used/)
  await assert.rejects(freePorts(65_535, 2), /cannot be used/)
})
