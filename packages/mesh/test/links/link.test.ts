import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Link, type LinkOptions } from '#mesh/links/link.js'
import { STALL_MS } from '#mesh/links/protocol.js'
import { freePorts, LOOPBACK } from '#mesh/processes/ports.js'
import { tiedProblem } from '#mesh/processes/tied.js'

const skip = tiedProblem() ?? false

/** Ports of their own for each test: connections of an earlier one may linger. */
let firstPort = 19_400

/** An echo server behind a link, and a connection through it. */
async function through(t: TestContext, options: Partial<LinkOptions>) {
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
  const [target, port] = await freePorts(firstPort, 2)
  firstPort += 10
  const server = createServer({ allowHalfOpen: true }, socket => socket.on('error', () => {}).pipe(socket))
  server.listen(target, LOOPBACK)
  await once(server, 'listening')
  const link = await Link.start({ ...options, folder, name: 'test', routes: [{ port, target }] })
  t.after(async () => {
    await link.stop()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const open = async () => {
    const socket = connect({ host: LOOPBACK, port, noDelay: true })
    await once(socket, 'connect')
    t.after(() => socket.destroy())
    return socket
  }
  /** More connections through the same link. */
  const again = (count: number) => Promise.all(Array.from({ length: count }, open))
  return { link, socket: await open(), again }
}

/** Sends a text and waits for its echo. @returns milliseconds */
async function echo(socket: Socket, text: string): Promise<number> {
  const began = performance.now()
  socket.write(text)
  let got = ''
  while (got.length < text.length) got += (await once(socket, 'data'))[0].toString()
  assert.equal(got, text)
  return performance.now() - began
}

test('a link delays in both directions, and keeps data in order and whole', { skip }, async t => {
  const { socket } = await through(t, { delayMs: 20 })
  const times: number[] = []
  for (let i = 0; i < 5; i++) times.push(await echo(socket, `message ${i}`))
  // Timers never fire early, save for the millisecond that they round.
  assert.ok(Math.min(...times) >= 39, String(times))
  const large = Array.from({ length: 300_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('')
  await echo(socket, large)
})

test('a link that loses everything stalls every piece by the time of a retransmission', { skip }, async t => {
  const { socket } = await through(t, { loss: 1 })
  assert.ok((await echo(socket, 'lost')) >= 2 * STALL_MS - 2)
})

test('a link carries the end of a direction behind all data, and goes on in the other', { skip }, async t => {
  // With a timer for each piece the end came first now and then.
  for (let tries = 0; tries < 3; tries++) {
    const { socket, again } = await through(t, { delayMs: 5 })
    for (const each of [socket, ...(await again(40))]) {
      let got = ''
      each.on('data', piece => {
        got += piece
      })
      each.end('the last words')
      await once(each, 'end')
      assert.equal(got, 'the last words')
    }
  }
})

test('nothing passes a link that is cut, and everything when it is joined', { skip }, async t => {
  const { link, socket } = await through(t, {})
  await echo(socket, 'before')
  await link.change({ isCut: true })
  const silent = await Promise.race([echo(socket, 'x'), new Promise(resolve => setTimeout(resolve, 300, 'silent'))])
  assert.equal(silent, 'silent', 'data passes a cut link')
  const back = once(socket, 'data')
  await link.change({ isCut: false })
  assert.match(String((await back)[0]), /x/)
})

test('a link changes while it runs', { skip }, async t => {
  const { link, socket } = await through(t, {})
  await echo(socket, 'before')
  await link.change({ delayMs: 30 })
  assert.ok((await echo(socket, 'slow')) >= 59)
  await link.change({ delayMs: 0, loss: 1 })
  assert.ok((await echo(socket, 'lost')) >= 2 * STALL_MS - 2)
})

test('a link drops all connections, and takes new ones', { skip }, async t => {
  const { link, socket, again } = await through(t, {})
  const others = await again(3)
  for (const each of [socket, ...others]) await echo(each, 'before')
  const ends = [socket, ...others].map(each => {
    // A reset is an error of the socket, and a `once` would reject with it.
    each.on('error', () => {})
    return new Promise(resolve => each.once('close', resolve))
  })
  await link.change({ drop: true })
  await Promise.all(ends)
  const [fresh] = await again(1)
  await echo(fresh, 'after')
})

test('datagrams pass a link there and back, at other addresses of the loopback network too, but not when it is cut', {
  skip,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
  const [target, port] = await freePorts(firstPort, 2)
  firstPort += 10
  const [host, targetHost] = ['127.0.1.9', '127.0.0.9']
  const server = createSocket('udp4').bind(target, targetHost)
  server.on('message', (message, from) => server.send(`echo of ${message}`, from.port, from.address))
  const listener = createServer().listen(target, targetHost)
  const link = await Link.start({ folder, name: 'udp', routes: [{ host, port, targetHost, target, datagrams: true }] })
  const client = createSocket('udp4').bind(0, LOOPBACK)
  t.after(async () => {
    await link.stop()
    for (const each of [server, listener, client]) each.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const ask = async (text: string, patienceMs: number) => {
    const heard = once(client, 'message')
    client.send(text, port, host)
    const said = await Promise.race([heard, delay(patienceMs, undefined, { ref: false })])
    return said === undefined ? 'silence' : String((said as [Buffer])[0])
  }
  assert.equal(await ask('one', 20_000), 'echo of one')
  await link.change({ isCut: true })
  assert.equal(await ask('two', 300), 'silence')
  await link.change({ isCut: false })
  // What was sent while the link was cut is gone, as with a cable that is pulled.
  assert.equal(await ask('three', 20_000), 'echo of three')
})

test('a link refuses a delay or loss that makes no sense', { skip }, async () => {
  const common = { folder: tmpdir(), name: 'none', routes: [{ port: 1, target: 2 }] }
  await assert.rejects(Link.start({ ...common, delayMs: -1 }), /0 to 60000 ms, not -1/)
  await assert.rejects(Link.start({ ...common, loss: 2 }), /share of 0 to 1, not 2/)
})
