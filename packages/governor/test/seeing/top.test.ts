import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Governor } from '@threadmap/governor'
import { serve } from '@threadmap/governor/serve'
import { snapshotAddress } from '#governor/seeing/top/source.js'
import { calm, Shown } from '../support/seen.js'

const require = createRequire(import.meta.url)
/** The command as users start it, and the one without the lab. */
const THREADMAP = join(dirname(require.resolve('threadmap/package.json')), 'bin/threadmap.js')
const ALONE = join(dirname(require.resolve('@threadmap/governor/package.json')), 'dist/cli.js')
const SCRIPT = '/usr/bin/script'
/** A terminal comes from `script` of util-linux; its options differ elsewhere. */
const skip =
  process.platform === 'linux' && existsSync(SCRIPT) ? false : 'there is no script of util-linux to make a terminal'

/** The other screen of the terminal, without a cursor, and back. */
const ENTERED = '\u001b[?1049h\u001b[?25l'
const LEFT = '\u001b[?25h\u001b[?1049l'

/** Milliseconds, on a machine that does ten other things. */
const PATIENCE_MS = 120_000

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly ended: Promise<Ended>
  /** Waits until the output has this, behind the place that the last call found. */
  sees(pattern: RegExp | string): Promise<void>
  type(keys: string): void
}

function start(t: TestContext, program: string, args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(program, args, {
    env: {
      ...process.env,
      NO_COLOR: undefined,
      FORCE_COLOR: undefined,
      COLUMNS: undefined,
      TERM: 'xterm-256color',
      ...env,
    },
  })
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  let from = 0
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const wake of waiting) wake()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      resolve({ code, stdout, stderr })
      for (const wake of waiting) wake()
    })
  })
  return {
    ended,
    type: keys => child.stdin.write(keys),
    sees: pattern =>
      new Promise((resolve, reject) => {
        const look = () => {
          const rest = stdout.slice(from)
          const at = typeof pattern === 'string' ? rest.indexOf(pattern) : rest.search(pattern)
          if (at < 0 && child.exitCode === null) return
          waiting.delete(look)
          if (at < 0) return reject(new Error(`ended without ${pattern}: ${rest}${stderr}`))
          from += at + 1
          resolve()
        }
        waiting.add(look)
        setTimeout(
          () => reject(new Error(`no ${pattern} in time: ${stdout.slice(from)}${stderr}`)),
          PATIENCE_MS,
        ).unref()
        look()
      }),
  }
}

const threadmap = (t: TestContext, args: readonly string[], env?: Record<string, string>) =>
  start(t, process.execPath, [THREADMAP, ...args], env).ended

test('--once prints the governor as it is, without colours where the output is no terminal', async t => {
  using governor = new Governor({ objective: { p99: 50 }, shards: 4, shardOf: key => Number(key.slice(0, 1)) })
  for (let i = 0; i < 20; i++) await governor.read('3:a', async () => i)
  await using server = await serve(governor, { port: 0 })
  const { code, stdout, stderr } = await threadmap(t, ['top', String(server.port), '--once'])
  assert.equal(code, 0, stderr)
  assert.equal(stderr, '')
  assert.match(stdout, /^All 4 shards are normal\.\n/)
  assert.match(stdout, /^ +3 +normal +\S+ ms/m)
  assert.ok(!stdout.includes('\u001b'))
  // A pipe needs no --once; the governor's own command does the same without the lab.
  for (const [program, address] of [
    [THREADMAP, `localhost:${server.port}`],
    [ALONE, server.url],
  ]) {
    const again = await start(t, process.execPath, [program, 'top', address], { COLUMNS: '50' }).ended
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /^All 4 shards are normal\.\n/)
    assert.ok(again.stdout.split('\n').every(line => line.length <= 50))
  }
})

test('--json prints the snapshot in one line', async t => {
  const shown = new Shown()
  await using server = await serve(shown, { port: 0 })
  const { code, stdout, stderr } = await threadmap(t, ['top', '--json', String(server.port)])
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(shown.current)))
  assert.equal(stdout.trim().split('\n').length, 1)
})

test('colours come when they are asked for, and never when NO_COLOR is set', async t => {
  await using server = await serve(new Shown(), { port: 0 })
  const coloured = await threadmap(t, ['top', String(server.port)], { FORCE_COLOR: '1' })
  assert.ok(coloured.stdout.includes('\u001b[38;5;16;48;5;196m2 \u001b[0m'), coloured.stdout)
  const plain = await threadmap(t, ['top', String(server.port)], { FORCE_COLOR: '1', NO_COLOR: '1' })
  assert.ok(!plain.stdout.includes('\u001b'))
})

test('an address that does not answer, or is no governor, ends it with one line that says so, and code 2', async t => {
  const closed = await serve(new Shown(), { port: 0 })
  await closed.close()
  const other = createServer((_, response) => response.end('<html>something else</html>'))
  const json = createServer((_, response) => response.end('{"at":1}'))
  const angry = createServer((_, response) => response.writeHead(403).end('Forbidden'))
  const servers = [other, json, angry]
  t.after(() => servers.map(server => server.close()))
  const [otherPort, jsonPort, angryPort] = await Promise.all(servers.map(portOf))
  const cases: [string, RegExp][] = [
    [
      String(closed.port),
      /no answer from http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\); is a program with serve\(governor\) running there\?/,
    ],
    [String(otherPort), /is no governor: it gives no snapshot/],
    [String(jsonPort), /is no governor: it gives no snapshot/],
    [String(angryPort), /answers with status 403: Forbidden/],
    ['ftp://localhost', /not an address of HTTP/],
    ['http://:::', /is no address; give a port, HOST:PORT or an URL/],
  ]
  for (const flags of [[], ['--json']]) {
    for (const [address, expected] of cases) {
      const { code, stdout, stderr } = await threadmap(t, ['top', address, ...flags])
      assert.equal(code, 2, `${address}: ${stderr}`)
      assert.equal(stdout, '')
      assert.match(stderr, expected)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
    }
  }
  const wrong = await threadmap(t, ['top', '--every', '0'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /seconds from 0\.1 to 3600/)
})

test('a server that accepts and says nothing is given up in seconds', async t => {
  const silent = createSocketServer(() => {})
  t.after(() => silent.close())
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const sockets: { destroy(): void }[] = []
  silent.on('connection', socket => sockets.push(socket))
  const { code, stderr } = await threadmap(t, ['top', String((silent.address() as AddressInfo).port)])
  for (const socket of sockets) socket.destroy()
  assert.equal(code, 2)
  assert.match(stderr, /nothing within 5 s/)
})

test('addresses as people write them', () => {
  for (const [address, expected] of [
    [undefined, 'http://127.0.0.1:9474/snapshot.json'],
    ['9500', 'http://127.0.0.1:9500/snapshot.json'],
    ['localhost:9500', 'http://localhost:9500/snapshot.json'],
    ['[::1]:9500', 'http://[::1]:9500/snapshot.json'],
    ['https://app.internal/governor/', 'https://app.internal/governor/snapshot.json'],
    ['http://app.internal/governor/snapshot.json?x#y', 'http://app.internal/governor/snapshot.json'],
  ] as const) {
    assert.equal(snapshotAddress(address).href, expected)
  }
})

test('in a terminal it draws again and again, says when nobody answers, and q ends it', { skip }, async t => {
  const shown = new Shown()
  const server = await serve(shown, { port: 0 })
  t.after(() => server.close())
  const top = start(t, SCRIPT, [
    '-qefc',
    `stty rows 40 columns 100; '${process.execPath}' '${THREADMAP}' top ${server.port} --every 0.1`,
    '/dev/null',
  ])
  await top.sees(ENTERED)
  await top.sees(/4 of 64 shards need attention/)
  await top.sees(/every 0\.1 s, q ends/)
  shown.current = calm()
  await top.sees(/All 64 shards are normal/)
  await server.close()
  await top.sees(/No answer; this is of \d\d:\d\d:\d\d\. Trying again/)
  const again = await serve(shown, { port: server.port })
  t.after(() => again.close())
  await top.sees(/every 0\.1 s, q ends/)
  top.type('q')
  const { code, stdout } = await top.ended
  assert.equal(code, 0)
  assert.ok(stdout.trimEnd().endsWith(LEFT), 'the terminal is as before')
})

test('Ctrl-C ends it too, and the terminal is as before', { skip }, async t => {
  await using server = await serve(new Shown(), { port: 0 })
  const top = start(t, SCRIPT, ['-qefc', `'${process.execPath}' '${THREADMAP}' top ${server.port}`, '/dev/null'])
  await top.sees(/q ends/)
  top.type('\u0003')
  const { code, stdout } = await top.ended
  assert.equal(code, 130)
  assert.ok(stdout.trimEnd().endsWith(LEFT))
})

function portOf(server: Server): Promise<number> {
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}
