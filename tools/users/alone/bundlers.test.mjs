// The packed library through bundlers, with a worker, in a real browser; and the example that docs/browser.md explains.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { extname, join, normalize } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { launch } from '../../../packages/threadmap/build/test/runtimes/browser.js'
import { findChromium } from '../../../packages/threadmap/build/test/runtimes/runtimes.js'
import { missing, run, Scratch } from '../scratch.mjs'

const chromium = findChromium()
const absent = chromium.missing ?? missing('esbuild', 'rollup', '@rollup/plugin-node-resolve', 'webpack', 'vite')

const TYPES = { '.js': 'text/javascript', '.html': 'text/html' }
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }
const PAGE =
  '<!doctype html><title>threadmap</title><link rel="icon" href="data:,"><script type="module" src="./page.js"></script>'

let scratch
let browser

before(async () => {
  if (absent) return
  scratch = new Scratch()
  browser = await launch(chromium.path)
})

after(async () => {
  await browser?.close()
  scratch?.remove()
})

/** Serves a folder on loopback as a cross-origin isolated site. */
async function serve(folder) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const file = join(folder, normalize(pathname === '/' ? '/index.html' : pathname))
    const send = (status, type, body) => response.writeHead(status, { ...ISOLATED, 'Content-Type': type }).end(body)
    if (existsSync(file)) return send(200, TYPES[extname(file)] ?? 'text/plain', await readFile(file))
    return pathname === '/' ? send(200, 'text/html', PAGE) : send(404, 'text/plain', 'no such file')
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() }
}

/** The value of an expression in a page, which must report no error meanwhile. */
async function inPage(url, expression) {
  const page = await browser.newPage()
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  page.on('console', message => message.type() === 'error' && problems.push(message.text()))
  await page.goto(url)
  const value = await page.evaluate(expression).catch(error => problems.push(String(error)))
  await page.close()
  assert.deepEqual(problems, [])
  return value
}

for (const bundler of ['esbuild', 'rollup', 'webpack', 'vite']) {
  test(`${bundler}: a page and its worker share a map, a death is heard, and names survive`, async t => {
    if (absent) return t.skip(absent)
    const at = scratch.project('tools/users/project')
    const folder = join(at, 'out', bundler)
    const { code, output } = await run(['build.mjs', bundler, folder], at)
    assert.equal(code, 0, output)
    const site = await serve(folder)
    t.after(site.close)
    assert.deepEqual(await inPage(site.url, 'globalThis.result'), {
      said: 'CodecError',
      hits: 2000,
      threads: 1,
      error: 'AttachError',
      shown: '[object FastMap]',
      kind: 'FastMap',
      audit: [],
    })
  })
}

test('examples/vite-page: the development server, and what is built, count the words', async t => {
  if (absent) return t.skip(absent)
  const at = scratch.project('examples/vite-page')
  const {
    createServer: develop,
    build,
    preview,
  } = await import(
    pathToFileURL(
      createRequire(join(at, 'package.json'))
        .resolve('vite')
        .replace(/index\.cjs$/, 'dist/node/index.js'),
    ).href
  )
  const words = 'be 2, is 1, not 1, or 1, question 1, that 1, the 1, to 2'
  const counted = `new Promise(resolve => {
    const look = () => {
      const text = document.querySelector('output').textContent
      text === 'counting' ? setTimeout(look, 20) : resolve(text)
    }
    look()
  })`
  const common = { root: at, logLevel: 'warn', server: { host: '127.0.0.1', port: 0 } }
  const development = await develop(common)
  await development.listen()
  assert.equal(await inPage(development.resolvedUrls.local[0], counted), words)
  await development.close()

  await build(common)
  const built = await preview({ ...common, preview: { host: '127.0.0.1', port: 0 } })
  assert.equal(await inPage(built.resolvedUrls.local[0], counted), words)
  await built.close()
})
