import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { html } from '@threadmap/workbench/report/html'
import { page as pageOf } from '@threadmap/workbench/report/page'
import { type Browser, chromium } from 'playwright-core'
import { claimsSection } from '#mesh/report/claims-section.js'
import { selectionSection } from '#mesh/report/selection-section.js'
import { PRESETS, parseRequirements, type Question } from '#mesh/select/question.js'
import { RowTable } from '#mesh/select/table.js'
import { wordsRow } from '../support/rows.js'
import { SUPPLIED, worldRows } from '../support/world.js'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = CHROMIUM === undefined ? 'Chromium is not installed (apt-get install chromium)' : false
/** A folder for screenshots, to look at them. */
const { SCREENSHOTS } = process.env

let browser: Browser | undefined
const root = mkdtempSync(join(tmpdir(), 'threadmap-mesh-'))
before(async () => {
  if (CHROMIUM === undefined) return
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
})
after(async () => {
  await browser?.close()
  rmSync(root, { recursive: true, force: true })
})

/** The preset without caddy's and consul's gaps, so that it has an answer. */
const DECIDED = worldRows().filter(({ subject }) => !['caddy', 'consul'].includes(subject))
const FIPS: Question = { ...PRESETS[0], require: parseRequirements('tls13,fips') }

async function open(
  name: string,
  rows: typeof DECIDED,
  width: number,
  colorScheme: 'light' | 'dark',
  question?: Question,
) {
  assert.ok(browser)
  const table = new RowTable([...rows, ...SUPPLIED])
  const file = join(root, `${name}.html`)
  const body = html`${selectionSection(table, question)}${claimsSection(table, SUPPLIED)}`
  writeFileSync(file, pageOf('mesh', html`<h1>threadmap mesh</h1>`, body))
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
  const complaints: string[] = []
  page.on('console', message => complaints.push(message.text()))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (request.url() !== pathToFileURL(file).href && !request.url().startsWith('data:')) complaints.push(request.url())
  })
  await page.goto(pathToFileURL(file).href)
  if (SCREENSHOTS !== undefined) {
    mkdirSync(SCREENSHOTS, { recursive: true })
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
  }
  return { page, complaints }
}

for (const width of [360, 1280]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`the selection fits a page of ${width} px, ${colorScheme}`, { skip }, async t => {
      for (const [name, rows, question] of [
        ['decided', DECIDED, undefined],
        ['open', worldRows(), FIPS],
      ] as const) {
        const { page, complaints } = await open(`${name}-${width}-${colorScheme}`, rows, width, colorScheme, question)
        t.after(() => page.close())
        assert.deepEqual(complaints, [])
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`)
        // Text of the tree lies inside its picture.
        const outside = await page.locator('#selection-tree svg').evaluateAll(pictures =>
          pictures.flatMap(picture => {
            const frame = picture.getBoundingClientRect()
            if (frame.width === 0) return []
            return [...picture.querySelectorAll('text')]
              .filter(text => {
                const { left, right } = text.getBoundingClientRect()
                return left < frame.left - 1 || right > frame.right + 1
              })
              .map(text => text.textContent)
          }),
        )
        assert.deepEqual(outside, [])
      }
    })
  }
}

test('the answer comes first, then what it rests on; gaps and supplied rows are named', { skip }, async t => {
  const { page } = await open('words', DECIDED, 1280, 'light')
  t.after(() => page.close())
  const section = page.locator('main > section').first()
  assert.match(
    (await section.locator('h2').textContent()) ?? '',
    /^Take haproxy-2\.[68] or haproxy-2\.[68]: the rows do not/,
  )
  const text = (await section.textContent()) ?? ''
  assert.match(text, /traefik.*excluded.*let in/s)
  assert.match(text, /No row of any subject has cost a year: supply cost/)
  const { page: open_ } = await open('words-open', worldRows(), 1280, 'light', FIPS)
  t.after(() => open_.close())
  const undecided = (await open_.locator('#selection').textContent()) ?? ''
  assert.match(undecided, /Undecided/)
  assert.match(undecided, /Supply FIPS 140 validated cryptography \(fips\) of haproxy-2\.8 1\.0/)
  assert.match(undecided, /yes \(supplied\)/)
  const claims = (await open_.locator('#claims').textContent()) ?? ''
  assert.match(claims, /known error.*Istio 1\.21 ships Envoy 1\.26/s)
  assert.match(claims, /Envoy’s pair would take 3\.\d+ cores at that rate/)
  assert.match(claims, /Supplied rows/)
})

test('names of rows cannot inject HTML', { skip }, async t => {
  const hostile = '<img src=x onerror="alert(1)">'
  const rows = [...DECIDED, wordsRow(hostile, 'tls-versions', `${hostile}1.2`)]
  const { page, complaints } = await open('hostile', rows, 800, 'light')
  t.after(() => page.close())
  assert.deepEqual(complaints, [])
  assert.equal(await page.locator('#selection img').count(), 0)
  assert.ok(((await page.locator('#selection').textContent()) ?? '').includes(hostile))
})
