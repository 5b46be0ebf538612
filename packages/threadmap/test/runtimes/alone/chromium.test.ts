/** Headless Chromium, on a cross-origin-isolated page that loads the library's plain ES modules, without a bundler. */
import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { SAFE_KINDS } from '../../support/kinds.js'
import { PATIENCE } from '../../support/patience.js'
import { launch } from '../browser.js'
import type * as PageTests from '../page.js'
import { findChromium } from '../runtimes.js'
import { serve } from '../server.js'
import type { Result } from '../smoke.js'

const found = findChromium()

// A suite that is skipped is not counted among the skipped tests; a test is.
if ('missing' in found) test('Chromium: all tests of a page', t => t.skip(found.missing))
else describe('Chromium', () => inChromium(found.path))

function inChromium(executablePath: string): void {
  let browser: Browser
  let page: Page
  let server: Server
  let problems: string[]

  before(async () => {
    const served = await serve()
    server = served.server
    browser = await launch(executablePath)
    page = await browser.newPage()
    page.setDefaultTimeout(PATIENCE)
    problems = []
    page.on('pageerror', error => problems.push(String(error)))
    page.on('console', message => message.type() === 'error' && problems.push(message.text()))
    await page.goto(served.url)
  })

  after(async () => {
    await browser?.close()
    server?.close()
  })

  /** Calls a function of page.ts inside the page. */
  async function inPage<Name extends keyof typeof PageTests>(
    name: Name,
    ...args: Parameters<(typeof PageTests)[Name]>
  ): Promise<Awaited<ReturnType<(typeof PageTests)[Name]>>> {
    const call = `import('/build/test/runtimes/page.js').then(page => page.${name}(...${JSON.stringify(args)}))`
    const result = await page.evaluate(call)
    assert.deepEqual(problems.splice(0), [])
    return result as Awaited<ReturnType<(typeof PageTests)[Name]>>
  }

  test('the page is isolated, and its main thread may not wait', async t => {
    t.diagnostic(`Chromium ${browser.version()}`)
    assert.equal(await inPage('mayNotWait'), 'TypeError')
  })

  test('smoke test', async t => {
    const results: Result[] = await inPage('smoke')
    assert.ok(results.length > 1)
    for (const { name, error } of results) await t.test(name, () => assert.ok(error === undefined, error))
  })

  test('Mutex: the main thread gets what a worker holds, or gives up in time', async () => {
    assert.equal(await inPage('lockHeld', 400, PATIENCE), 'locked')
    assert.equal(await inPage('lockHeld', 'till let go', 300), 'LockTimeoutError')
  })

  test('a time-out advises what can be done in a page, where watch() does nothing', async () => {
    const [locked, computed] = await inPage('refusals')
    assert.match(locked, /^LockTimeoutError: .* holds it\. If that thread died, let the event loop turn and try again/)
    assert.match(computed, /^ComputeTimeoutError: .* if that thread died, let the event loop turn and try again/)
    for (const said of [locked, computed]) assert.doesNotMatch(said, /watch\(\)/)
  })

  test('Mutex: the main thread is not hung by a worker that died with it', async t => {
    const outcome = await inPage('lockOfTheDead')
    assert.ok(['locked', 'LockTimeoutError'].includes(outcome))
    t.diagnostic(outcome)
  })

  for (const kind of SAFE_KINDS) {
    test(`${kind}: the main thread reads and writes among writing workers, and no update is lost`, async t => {
      t.diagnostic(`${await inPage('contend', kind)} rounds of set, get and add in one second`)
    })

    test(`${kind}: the main thread gets what a worker holds once the worker lets go`, async () => {
      await inPage('outlast', kind)
    })

    test(`${kind}: the main thread gives up with ComputeTimeoutError, in time, when a worker holds on`, async () => {
      await inPage('giveUp', kind)
    })

    test(`${kind}: workers terminated inside operations hang no operation of the main thread`, async t => {
      t.diagnostic(`${await inPage('survive', kind, 6)} of 120 operations were refused`)
    })
  }
}
