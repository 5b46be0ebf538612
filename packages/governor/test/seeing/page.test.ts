import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, type TestContext, test } from 'node:test'
import { type StatusServer, serve } from '@threadmap/governor/serve'
import { type Browser, chromium, type Page } from 'playwright-core'
import { calm, HOSTILE, Shown, TRANSITIONS, trouble } from '../support/seen.js'

/** The Chromium of Debian and Ubuntu. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = CHROMIUM === undefined ? 'Chromium is not installed (apt-get install chromium)' : false
/** The page asks every two seconds; a busy machine may take much longer. */
const PATIENCE = { timeout: 120_000 }
// Chromium's sandbox does not work for root, as which CI runs.
const SANDBOX = process.getuid?.() === 0 ? ['--no-sandbox'] : []

let browser: Browser | undefined
before(async () => {
  if (CHROMIUM === undefined) return
  const args = [
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
    ...SANDBOX,
  ]
  browser = await chromium.launch({ executablePath: CHROMIUM, args, timeout: PATIENCE.timeout })
})
after(() => browser?.close())

interface Opened {
  readonly page: Page
  readonly shown: Shown
  readonly server: StatusServer
  /** Errors of the page, and what it loaded from elsewhere. */
  readonly complaints: string[]
}

interface Look {
  readonly width?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
}

async function open(t: TestContext, shown = new Shown(), look: Look = {}): Promise<Opened> {
  assert.ok(browser)
  const { width = 1000, ...rest } = look
  const server = await serve(shown, { port: 0 })
  const page = await browser.newPage({ viewport: { width, height: 800 }, ...rest })
  page.setDefaultTimeout(PATIENCE.timeout)
  const complaints: string[] = []
  page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) complaints.push(request.url())
  })
  t.after(async () => {
    await page.close()
    await server.close()
  })
  await page.goto(server.url)
  return { page, shown, server, complaints }
}

/** Waits until the page has taken over a snapshot that was shown after this call. */
async function updated(page: Page, shown: Shown, change: Partial<typeof shown.current> = {}): Promise<void> {
  const { uptime } = shown.current
  shown.current = { ...shown.current, ...change, uptime: uptime + 3_600_000 }
  const hours = Math.floor((uptime + 3_600_000) / 3_600_000)
  await page.waitForFunction(text => document.body.textContent?.includes(text), `governed for ${hours} h`, PATIENCE)
}

test('the page says what is the matter, loads nothing from elsewhere, and has no errors', { skip }, async t => {
  const { page, complaints } = await open(t)
  assert.equal(
    await page.locator('.verdict').textContent(),
    '4 of 64 shards need attention: shard 40 is degraded, shard 17 is isolated, shard 9 is limited, shard 41 is hot.',
  )
  assert.equal(await page.locator('.heat li').count(), 64)
  assert.equal(await page.locator('.heat li.acted').count(), 4)
  assert.deepEqual(
    await page
      .locator('tbody th')
      .allTextContents()
      .then(all => all.slice(0, 4)),
    ['40', '17', '9', '41'],
  )
  const row = (await page.locator('tbody tr').nth(1).locator('td').allTextContents()).map(text => text.trim())
  assert.deepEqual(row.slice(0, 6), [
    'isolatedhot, hot key, for 3 min 5 s, 4 at once',
    '912 ms',
    '812 ms',
    '301 ms',
    '17×',
    '530/s',
  ])
  assert.deepEqual(complaints, [])
})

test('colours follow the heat: the hot shards are red, those beside the median pale', { skip }, async t => {
  const { page } = await open(t)
  const shares = await page
    .locator('.heat li')
    .evaluateAll(cells => cells.map(cell => Number.parseFloat((cell as HTMLElement).style.getPropertyValue('--share'))))
  assert.equal(shares[17], 100)
  assert.ok(shares[41] > 60 && shares[41] < 100, String(shares[41]))
  assert.equal(shares[63], 0)
  assert.ok(Math.max(...shares.filter((_, at) => ![17, 40, 41].includes(at))) < 25, String(shares))
})

test('an update changes what differs, keeps focus and nodes, and a screen reader hears only of new transitions', {
  skip,
}, async t => {
  const { page, shown, complaints } = await open(t)
  const log = page.getByRole('log', { name: 'Transitions' })
  assert.equal(await log.getAttribute('aria-live'), 'polite')
  await page.evaluate(() => {
    const items = [...document.querySelectorAll('.log li')]
    Object.assign(globalThis, { items, added: [] as string[] })
    const { added } = globalThis as unknown as { added: string[] }
    const observer = new MutationObserver(records => {
      for (const record of records) for (const node of record.addedNodes) added.push(node.textContent ?? '')
    })
    const region = document.querySelector('.log')
    if (region !== null) observer.observe(region, { subtree: true, childList: true, characterData: true })
  })
  await page.locator('.heat').focus()
  await page.keyboard.press('ArrowRight')
  const next = { ...TRANSITIONS[0], at: shown.current.at, from: 2, to: 1, reason: 'P99 below 50 ms for 10 s.' } as const
  await updated(page, shown, { transitions: [...TRANSITIONS, next] })
  const seen = await page.evaluate(() => {
    const { items, added } = globalThis as unknown as { items: Element[]; added: string[] }
    const now = [...document.querySelectorAll('.log li')]
    return {
      added,
      isSame: items.every((item, at) => now[at + 1] === item),
      focused: document.activeElement?.className,
      readout: document.getElementById('readout')?.textContent,
    }
  })
  assert.equal(seen.added.length, 1, seen.added.join('\n'))
  assert.match(seen.added[0], /Shard 17: isolated → limited P99 below 50 ms for 10 s\./)
  assert.ok(seen.isSame, 'the older transitions are the nodes that they were')
  assert.equal(seen.focused, 'heat')
  assert.match(seen.readout ?? '', /^Shard 0 is normal\. P99 20 ms in 10 s/)
  await updated(page, shown, { ...calm(8), transitions: shown.current.transitions })
  assert.equal(await page.locator('.verdict').textContent(), 'All 8 shards are normal.')
  assert.equal(await page.locator('.heat li').count(), 8)
  assert.deepEqual(complaints, [])
})

test('the keyboard reaches everything, and arrows read the heat map', { skip }, async t => {
  const { page } = await open(t)
  const stops: string[] = []
  for (let i = 0; i < 7; i++) {
    await page.keyboard.press('Tab')
    stops.push(
      await page.evaluate(() => {
        const active = document.activeElement
        return active?.id || active?.getAttribute('aria-labelledby') || active?.getAttribute('href') || ''
      }),
    )
  }
  assert.deepEqual(stops, [
    'pause',
    'heat-heading',
    'shards-heading',
    'keys-heading',
    'maps-heading',
    'snapshot.json',
    'metrics',
  ])
  await page.locator('.heat').focus()
  const outline = await page.locator('.heat').evaluate(element => getComputedStyle(element).outlineStyle)
  assert.equal(outline, 'solid', 'focus is visible')
  const read = async (key: string) => {
    await page.keyboard.press(key)
    return (await page.locator('#readout').textContent()) ?? ''
  }
  assert.match(await read('ArrowRight'), /^Shard 0 is normal/)
  assert.match(await read('ArrowRight'), /^Shard 1 is normal/)
  assert.match(await read('End'), /^Shard 63 is normal\. P99 – in 10 s, 0\/s/)
  assert.match(await read('ArrowDown'), /^Shard 63 /)
  assert.match(await read('Home'), /^Shard 0 /)
  const perLine = await page.locator('.heat li').evaluateAll(cells => {
    const tops = cells.map(cell => (cell as HTMLElement).offsetTop)
    return tops.findIndex(top => top > tops[0])
  })
  assert.match(await read('ArrowDown'), new RegExp(`^Shard ${perLine} `))
  for (let at = perLine; at < 17; at++) await read('ArrowRight')
  for (let at = perLine; at > 17; at--) await read('ArrowLeft')
  assert.equal(
    await page.locator('#readout').textContent(),
    'Shard 17 is isolated (hot key), hot for 3 min 5 s. P99 912 ms in 10 s, 530/s, 0.1% errors',
  )
  assert.equal(await read('Escape'), '')
})

test('a screen reader finds headings, named tables with headers, and a name for each shard', { skip }, async t => {
  const { page } = await open(t)
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
  assert.deepEqual(await page.getByRole('heading', { level: 2 }).allTextContents(), [
    'All shards together',
    'Heat of the shards',
    'Shards, the worst first',
    'Hot keys',
    'Maps',
    'Transitions',
  ])
  assert.equal(await page.locator('html').getAttribute('lang'), 'en')
  assert.equal(await page.getByRole('main').count(), 1)
  const shards = page.getByRole('table', { name: '12 of 64 shards' })
  assert.equal(await shards.getByRole('columnheader').count(), 14)
  assert.equal(await shards.getByRole('rowheader').count(), 12)
  const keys = page.getByRole('table', { name: 'The most frequent keys' })
  assert.equal(await keys.getByRole('columnheader').count(), 5)
  for (const name of ['Shards, the worst first', 'Hot keys']) {
    assert.equal(await page.getByRole('region', { name }).locator('visible=true').first().count(), 1, name)
  }
  const list = page.getByRole('list', { name: 'Heat of the shards' })
  assert.equal(await list.getByRole('listitem').count(), 64)
  // What is drawn in a cell is hidden from screen readers, and the sentence beside it is not.
  const spoken = await list.getByRole('listitem').nth(40).locator('span:not([aria-hidden])').textContent()
  assert.match(
    spoken ?? '',
    /^Shard 40 is degraded \(slow shard\), hot for 3 min 5 s\. P99 912 ms in 10 s, 35\/s, 31% errors$/,
  )
  const unnamed = await page
    .locator('[aria-labelledby], [aria-describedby]')
    .evaluateAll(elements =>
      elements.flatMap(element =>
        ['aria-labelledby', 'aria-describedby']
          .map(name => element.getAttribute(name))
          .filter((id): id is string => id !== null && document.getElementById(id) === null),
      ),
    )
  assert.deepEqual(unnamed, [])
  const ids = await page.locator('[id]').evaluateAll(elements => elements.map(({ id }) => id))
  assert.equal(new Set(ids).size, ids.length, 'each id is there once')
  assert.ok(await page.getByRole('button', { name: 'Pause' }).isVisible())
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`all text is legible in the ${colorScheme} scheme: a contrast of at least 4.5`, { skip }, async t => {
    const { page } = await open(t, new Shown(), { colorScheme })
    const { faint, checked, background } = await page.evaluate(() => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
      if (canvas === null) throw new Error('no canvas')
      // A canvas turns colours of any notation into three numbers.
      const numbers = (colour: string) => {
        canvas.clearRect(0, 0, 1, 1)
        canvas.fillStyle = colour
        canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data]
      }
      const luminance = (colour: string) => {
        const [r, g, b] = numbers(colour).map(value => {
          const share = value / 255
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const behind = (element: Element): string => {
        for (let at: Element | null = element; at !== null; at = at.parentElement) {
          const colour = getComputedStyle(at).backgroundColor
          if (numbers(colour)[3] === 255) return colour
        }
        return 'white'
      }
      const faint: string[] = []
      let checked = 0
      for (const element of document.body.querySelectorAll('*:not(script)')) {
        const own = [...element.childNodes].some(
          node => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '',
        )
        if (!own) continue
        checked++
        const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((x, y) => y - x)
        const contrast = (a + 0.05) / (b + 0.05)
        if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 100)}`)
      }
      return { faint, checked, background: luminance(getComputedStyle(document.body).backgroundColor) }
    })
    assert.deepEqual(faint, [])
    assert.ok(checked > 200, String(checked))
    assert.ok(colorScheme === 'light' ? background > 0.8 : background < 0.05, String(background))
  })
}

for (const width of [320, 390]) {
  test(`a phone ${width} px wide shows everything without scrolling the page sideways`, { skip }, async t => {
    const { page } = await open(t, new Shown(), { width })
    const [content, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(content <= room, `${content} px in ${room}`)
    const outside = await page
      .locator('.heat li, .verdict, button, dd, .log li, .about')
      .evaluateAll(parts =>
        parts.filter(part => part.getBoundingClientRect().right > innerWidth).map(part => part.outerHTML),
      )
    assert.deepEqual(outside, [])
    const cut = await page
      .locator('.heat li')
      .evaluateAll(
        cells =>
          cells.filter(cell => cell.scrollWidth > cell.clientWidth || cell.scrollHeight > cell.clientHeight).length,
      )
    assert.equal(cut, 0, 'no figure is cut off')
    const p99 = await page.locator('tbody tr').first().locator('td.figure').first().boundingBox()
    assert.ok(p99 !== null && p99.x + p99.width <= width, 'the P99 is seen without scrolling the table')
  })
}

test('keys of users are text, in the first page and in updates; a script that got in would not run', {
  skip,
}, async t => {
  const { page, shown, complaints } = await open(t)
  await updated(page, shown)
  const key = (await page.locator('td.key').nth(1).textContent()) ?? ''
  assert.ok(key.startsWith(HOSTILE.slice(0, 60)), key)
  assert.equal(await page.locator('main script, main img, main iframe').count(), 0)
  assert.deepEqual(complaints, [])
  await page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'hacked=1'
    document.body.append(script)
    const image = document.createElement('img')
    image.setAttribute('onerror', 'hacked=1')
    image.src = 'data:,'
    document.body.append(image)
  })
  await updated(page, shown)
  assert.equal(await page.evaluate(() => 'hacked' in globalThis), false)
  assert.ok(
    complaints.some(text => /Content Security Policy/.test(text)),
    complaints.join('\n'),
  )
})

test('Pause stops the updates, Resume takes them up; without an answer the page says that its figures are old', {
  skip,
}, async t => {
  const { page, shown, server } = await open(t)
  const state = (text: string) =>
    page.waitForFunction(wanted => document.getElementById('state')?.textContent?.startsWith(wanted), text, PATIENCE)
  let asked = 0
  page.on('request', () => asked++)
  await page.getByRole('button', { name: 'Pause' }).click()
  await state('Paused')
  asked = 0
  // Longer than the page's period: an update would have come.
  await page.waitForTimeout(2500)
  assert.equal(asked, 0)
  await page.getByRole('button', { name: 'Resume' }).click()
  await updated(page, shown)
  await server.close()
  await state('No answer from the program: these figures are old')
  assert.equal(await page.locator('.heat li').count(), 64, 'the old figures stay')
  const again = await serve(shown, { port: server.port })
  t.after(() => again.close())
  await updated(page, shown)
  await state('Updated every 2 seconds')
})

test('without scripts the page shows the same and reloads itself', { skip }, async t => {
  const { page } = await open(t, new Shown(), { javaScriptEnabled: false })
  assert.match((await page.locator('.verdict').textContent()) ?? '', /^4 of 64/)
  assert.equal(await page.locator('meta[http-equiv=refresh]').getAttribute('content'), '5')
  assert.equal(await page.getByRole('button').locator('visible=true').count(), 0, 'no button that does nothing')
})

test('4,096 shards: the page shows the hottest, and stays small', { skip }, async t => {
  const shown = new Shown(calm(4096))
  const hot = trouble().shards[17]
  shown.current = {
    ...shown.current,
    shards: shown.current.shards.map((each, at) => (at === 4000 ? { ...hot, shard: 4000 } : each)),
  }
  const { page, server } = await open(t, shown)
  assert.equal(await page.locator('.heat li').count(), 256)
  assert.equal(await page.locator('.heat li.acted > span').first().textContent(), '4000')
  assert.match((await page.locator('#heat-key').textContent()) ?? '', /the 256 hottest of 4096/)
  const view = await fetch(`${server.url}view`).then(answer => answer.text())
  assert.ok(view.length < 150_000, `${view.length} characters`)
})
