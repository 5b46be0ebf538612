/**
 * Pages whose workers attach and work in the task in which their first message arrives, and are terminated there; and pages
 * on which the library cannot work, which are to say why.
 */
import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launch } from './browser.js'
import type * as Deaths from './deaths.js'
import { findChromium } from './runtimes.js'
import { type Extra, serve } from './server.js'

const found = findChromium()
const full = process.env.THREADMAP_RUNTIMES === 'full'

const LIBRARY = '/dist/web/index.js'
/** A polyfill of `process`, as some bundlers put into pages. */
const POLYFILL = 'globalThis.process = { versions: {}, env: {}, argv: [], on() {}, nextTick: queueMicrotask }'
const HOT = 'for (let i = 0; ; i++) map.set(String(i % 100), i)'

function worker(task: string, before = ''): Extra {
  return {
    text: `${before}
import { FastMap } from '${LIBRARY}'
self.onmessage = event => {
  const map = FastMap.attach(event.data)
  map.add('jobs', 1)
  postMessage(1)
  ${task}
}`,
  }
}

const html = (headers?: Record<string, string>): Extra => ({
  text: '<!doctype html><link rel="icon" href="data:,"><title>threadmap</title>',
  ...(headers && { headers }),
})

const COOP = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' }

const files: Record<string, Extra> = {
  '/idle.js': worker(''),
  '/endless.js': worker('while (true) {}'),
  '/hot.js': worker(HOT),
  '/polyfilled.js': worker(HOT, "import './polyfill.js'"),
  '/polyfill.js': { text: POLYFILL },
  '/order.js': { text: `import '${LIBRARY}'\nself.onmessage = event => postMessage([event.data, event.ports.length])` },
  '/late.js': {
    text: `self.onmessage = async event => {
  const { FastMap, ready } = await import('${LIBRARY}')
  const caught = action => { try { return String(action()) } catch (error) { return error.name + ': ' + error.message } }
  const early = caught(() => FastMap.attach(event.data).size)
  await ready()
  const map = FastMap.attach(event.data)
  postMessage([early, map.add('late', 1)])
}`,
  },
  '/creates.js': {
    text: `import { FastMap, f64, ready, string } from '${LIBRARY}'
const map = new FastMap({ key: string, value: f64 })
map.set('made', 1)
let early = 'sent'
try { map.handle } catch (error) { early = error.name }
await ready()
self.onmessage = event => postMessage([early, event.data])
postMessage(map.handle)
${HOT}`,
  },
  '/bare': html({}),
  '/strict': html({ ...COOP, 'Content-Security-Policy': "script-src 'self'" }),
}

// A suite that is skipped is not counted among the skipped tests; a test is.
if ('missing' in found) test('Chromium: workers that die in their first task', t => t.skip(found.missing))
else describe('Chromium: workers that die in their first task', () => inChromium(found.path))

function inChromium(executablePath: string): void {
  let browser: Browser
  let server: Server
  let url: string
  let page: Page

  before(async () => {
    const served = await serve(files)
    server = served.server
    url = served.url
    browser = await launch(executablePath)
    page = await browser.newPage()
    await page.goto(url)
  })

  after(async () => {
    await browser?.close()
    server?.close()
  })

  async function inPage<Name extends keyof typeof Deaths>(
    name: Name,
    ...args: Parameters<(typeof Deaths)[Name]>
  ): Promise<Awaited<ReturnType<(typeof Deaths)[Name]>>> {
    const call = `import('/build/test/runtimes/deaths.js').then(page => page.${name}(...${JSON.stringify(args)}))`
    return (await page.evaluate(call)) as Awaited<ReturnType<(typeof Deaths)[Name]>>
  }

  for (const [script, workers, what] of [
    ['/idle.js', full ? 300 : 12, 'that have done one job'],
    ['/endless.js', full ? 24 : 6, 'whose first task never ends'],
    ['/hot.js', full ? 60 : 9, 'in a loop of set'],
  ] as const) {
    test(`${workers} workers ${what}: all places come back, and the map works`, async t => {
      const { jobs, left, problems, recoveries } = await inPage('kill', script, workers)
      assert.deepEqual({ jobs, left, problems }, { jobs: workers, left: 1, problems: [] })
      t.diagnostic(`${recoveries} locks of dead workers were taken over`)
    })
  }

  test('messages that arrive before the worker is known come in order, with their ports', async () => {
    const expected = Array.from({ length: 20 }, (_, i) => [i, i % 2])
    assert.deepEqual(await inPage('order', '/order.js', 20), expected)
  })

  test('a worker that loads the library in its task is told to await ready()', async () => {
    const [early, sum] = await inPage('answer', '/late.js')
    assert.match(String(early), /^AttachError: FastMap\.attach\(\): .*ready\(\)/)
    assert.equal(sum, 1)
  })

  test('a worker that creates a map hands out its handle when it is known, and its death is heard', async () => {
    assert.deepEqual(await inPage('adopt', '/creates.js'), { made: 1, left: 1, problems: [] })
  })

  test('watch() takes a worker of the page', async () => {
    assert.equal(await inPage('watched', '/idle.js'), 'watched')
  })

  test('a polyfilled `process` changes nothing', async () => {
    const other = await browser.newPage()
    await other.goto(url)
    await other.evaluate(POLYFILL)
    const call = `import('/build/test/runtimes/deaths.js').then(page => page.kill('/polyfilled.js', 6))`
    const { left, problems } = (await other.evaluate(call)) as Awaited<ReturnType<typeof Deaths.kill>>
    await other.close()
    assert.deepEqual({ left, problems }, { left: 1, problems: [] })
  })

  for (const [path, what, message] of [
    ['bare', 'that is not cross-origin isolated', /Cross-Origin-Opener-Policy.*Cross-Origin-Embedder-Policy/],
    ['strict', 'whose policy forbids WebAssembly', /Content-Security-Policy.*'wasm-unsafe-eval'/],
  ] as const) {
    test(`a page ${what}: one error names the header`, async () => {
      const other = await browser.newPage()
      await other.goto(`${url}${path}`)
      const call = `import('${LIBRARY}').then(({ FastMap, string, f64 }) => {
        try { return String(new FastMap({ key: string, value: f64 })) } catch (error) { return error.name + ' ' + error.code + ' ' + error.message }
      })`
      const said = String(await other.evaluate(call))
      await other.close()
      assert.match(said, /^UnsupportedError ERR_THREADMAP_UNSUPPORTED /)
      assert.match(said, message)
    })
  }
}
