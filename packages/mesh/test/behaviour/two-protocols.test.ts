import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { isFree, nextFreePorts } from '#mesh/processes/ports.js'
import { pageMessage } from '#mesh/topology/protocol.js'
import { listenForBoth } from '#mesh/topology/two-protocols.js'

test('one port takes HTTP/1.1 and HTTP/2, each on connections that stay', async t => {
  const [port] = await nextFreePorts(19_800, 1)
  const listening = await listenForBoth(port, {
    http1: (asked, response) => {
      asked.resume()
      asked.on('end', () => response.end(`1 ${asked.url}`))
    },
    http2: (stream, headers) => {
      stream.resume()
      stream.on('end', () => {
        stream.respond({ ':status': 200 })
        stream.end(`2 ${headers[':path']}`)
      })
    },
  })
  t.after(() => listening.close())
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const page = async (path: string, body: string) => {
    const sent = request({ host: '127.0.0.1', port, agent, path, method: 'POST' })
    sent.end(body)
    const [answer] = await once(sent, 'response')
    let text = ''
    for await (const piece of answer) text += piece
    return { text, reused: sent.reusedSocket }
  }
  assert.deepEqual(await page('/a', 'x'.repeat(100_000)), { text: '1 /a', reused: false })
  assert.deepEqual(await page('/b', 'PRI'), { text: '1 /b', reused: true })
  const session = connect(`http://127.0.0.1:${port}`)
  t.after(() => session.destroy())
  const call = async (path: string, body: string) => {
    const stream = session.request({ ':path': path, ':method': 'POST' })
    stream.end(body)
    let text = ''
    for await (const piece of stream) text += piece
    return text
  }
  assert.deepEqual(await Promise.all(['/c', '/d', '/e'].map(path => call(path, 'x'.repeat(100_000)))), [
    '2 /c',
    '2 /d',
    '2 /e',
  ])
  assert.equal(await isFree(port), false)
})

test('a port in use is the system’s error', async t => {
  const [port] = await nextFreePorts(19_850, 1)
  const both = { http1: () => {}, http2: () => {} }
  const listening = await listenForBoth(port, both)
  t.after(() => listening.close())
  await assert.rejects(listenForBoth(port, both), { code: 'EADDRINUSE' })
})

test('a page as protocol buffers write it: field 1, its length, its bytes', () => {
  assert.deepEqual(pageMessage(Buffer.from('abc')), Buffer.from([0x0a, 3, 0x61, 0x62, 0x63]))
  assert.deepEqual([...pageMessage(Buffer.alloc(1024)).subarray(0, 3)], [0x0a, 0x80, 0x08])
})
