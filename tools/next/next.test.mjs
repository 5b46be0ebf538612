// A real Next.js program, built and served from two workers over one cache: `npm run test:next`. It takes a minute or two, and a processor.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../setup.mjs'

const dir = join(root, 'tools/next/program')
const next = join(root, 'tools/next/node_modules/next/dist/bin/next')
const skip = !existsSync(next) && 'next is not installed in tools/next'
const PATIENCE = 120_000

function environment(kind) {
  return {
    ...process.env,
    // The test runner's own variables would turn the program into a part of this run.
    NODE_TEST_CONTEXT: undefined,
    NODE_OPTIONS: undefined,
    FORCE_COLOR: undefined,
    NODE_ENV: 'production',
    NEXT_TELEMETRY_DISABLED: '1',
    THREADMAP_NEXT: kind,
    THREADMAP_NEXT_OUTPUT: `build/${kind}`,
  }
}

const built = new Set()
function build(kind) {
  if (built.has(kind)) return
  const options = { cwd: dir, env: environment(kind), encoding: 'utf8', timeout: 600_000 }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [next, 'build'], options)
  assert.equal(status, 0, `next build: ${signal ?? status}\n${stdout}${stderr}`)
  built.add(kind)
}

/** Serves the program from two workers; calls `visit` with a function that gets a page from one of them. */
async function serving(kind, args, visit) {
  build(kind)
  const server = spawn(process.execPath, ['serve.mjs', ...args], { cwd: dir, env: environment(kind) })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  }
  try {
    const ports = await until('two workers', () => {
      assert.equal(server.exitCode, null, output)
      const found = [...output.matchAll(/listening on (\d+)/g)].map(([, port]) => port)
      return found.length === 2 && found
    })
    const ask = async (worker, path, init) => {
      const answer = await fetch(`http://127.0.0.1:${ports[worker]}${path}`, init)
      const text = await answer.text()
      assert.equal(answer.status, 200, `${path}: ${text}\n${output}`)
      return { text, cache: answer.headers.get('x-nextjs-cache') }
    }
    const value = async (worker, path) => (await ask(worker, path)).text.match(/\d+-0\.\d+/)[0]
    const revalidate = (worker, what) => ask(worker, '/api/tags', { method: 'POST', body: JSON.stringify(what) })
    await visit({ ask, value, revalidate })
  } finally {
    server.kill()
  }
}

async function until(what, look) {
  const deadline = Date.now() + PATIENCE
  while (Date.now() < deadline) {
    const found = await look()
    if (found) return found
    await sleep(50)
  }
  assert.fail(`waited ${PATIENCE} ms for ${what}`)
}

test('the handlers have the types that Next.js declares', { skip }, () => {
  const args = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tools/next')]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: PATIENCE })
  assert.equal(status, 0, stdout)
})

test('pages: two workers have one cache, and revalidation holds for both', { skip }, () =>
  serving('pages', [], async ({ ask, value, revalidate }) => {
    // The build has rendered this page.
    const first = await value(0, '/isr')
    assert.equal(await value(1, '/isr'), first)
    assert.equal((await ask(1, '/isr')).cache, 'HIT')

    // One worker renders this page, the other one has it.
    const item = await value(0, '/items/7')
    assert.equal(await value(1, '/items/7'), item)
    assert.equal((await ask(1, '/items/7')).cache, 'HIT')

    await revalidate(1, { tag: 'isr' })
    const second = await value(0, '/isr')
    assert.notEqual(second, first)
    assert.equal(await value(1, '/isr'), second)
    assert.equal(await value(1, '/items/7'), item)

    await revalidate(0, { path: '/items/7' })
    const other = await value(1, '/items/7')
    assert.notEqual(other, item)
    assert.equal(await value(0, '/items/7'), other)

    // In the background: what is stale is served once more, and then both workers have what is new.
    await revalidate(0, { tag: 'isr', profile: 'max' })
    assert.equal(await value(1, '/isr'), second)
    const third = await until('the page to be made anew', async () => {
      const found = await value(1, '/isr')
      return found !== second && found
    })
    assert.equal(await value(0, '/isr'), third)
  }),
)

test('pages: without shareNextCache each worker has a cache of its own', { skip }, () =>
  serving('pages', ['apart'], async ({ value }) => {
    const item = await value(0, '/items/7')
    assert.equal(await value(0, '/items/7'), item)
    assert.notEqual(await value(1, '/items/7'), item)
  }),
)

test('use cache: two workers have one cache, and revalidation holds for both', { skip }, () =>
  serving('components', [], async ({ value, revalidate }) => {
    const first = await value(0, '/cached')
    assert.equal(await value(0, '/cached'), first)
    assert.equal(await value(1, '/cached'), first)

    await revalidate(1, { tag: 'made' })
    const second = await value(0, '/cached')
    assert.notEqual(second, first)
    assert.equal(await value(1, '/cached'), second)

    await revalidate(1, { tag: 'made', profile: 'max' })
    assert.equal(await value(0, '/cached'), second)
    const third = await until('the entry to be made anew', async () => {
      const found = await value(0, '/cached')
      return found !== second && found
    })
    assert.equal(await value(1, '/cached'), third)
  }),
)
