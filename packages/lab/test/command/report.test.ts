import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { compareRuns, type RunDocument, reportPage } from '@threadmap/lab'
import { type Browser, chromium, type Page } from 'playwright-core'
import { folder, threadmap } from '../support/command.js'
import { HOSTILE, runFixture } from '../support/run-fixture.js'

/** The Chromium of Debian and Ubuntu, as in the library's own browser tests. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const skip = CHROMIUM === undefined ? 'Chromium is not installed (apt-get install chromium)' : false

let browser: Browser | undefined
before(async () => {
  if (CHROMIUM === undefined) return
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
})
after(() => browser?.close())

interface Opened {
  readonly page: Page
  /** Errors of the page, and what it loaded. */
  readonly complaints: string[]
}

async function open(path: string, width: number, colorScheme: 'light' | 'dark' = 'light'): Promise<Opened> {
  assert.ok(browser)
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
  const complaints: string[] = []
  page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (request.url() !== pathToFileURL(path).href && !request.url().startsWith('data:')) complaints.push(request.url())
  })
  await page.goto(pathToFileURL(path).href)
  return { page, complaints }
}

function written(t: Parameters<typeof folder>[0], document: RunDocument): string {
  const root = folder(t, { 'run.json': JSON.stringify(document) })
  const path = join(root, 'report.html')
  writeFileSync(path, reportPage(readBack(document)))
  return path
}

/** The document as it is read from its file: NaN has become null. */
const readBack = (document: RunDocument) => JSON.parse(JSON.stringify(document)) as RunDocument

test('the page renders without errors and loads nothing; the recommendation comes first', { skip }, async t => {
  const { page, complaints } = await open(written(t, runFixture()), 1100)
  t.after(() => page.close())
  assert.deepEqual(complaints, [])
  const first = page.locator('main > section').first()
  assert.match((await first.locator('h2').textContent()) ?? '', /FastMap/)
  assert.match((await first.locator('pre').textContent()) ?? '', /new FastMap\(\{ key: string/)
  assert.match((await first.textContent()) ?? '', /takes [\d.]+% longer than the best \(median\)/)
  const sections = await page.locator('main > section[id^="experiment--"] h2').allTextContents()
  assert.deepEqual(sections, ['Planted', 'Which map?', 'It broke'])
  assert.match((await page.locator('#experiment--broken').textContent()) ?? '', /It failed: the server hung/)
})

test('bars are as long as their values', { skip }, async t => {
  const { page } = await open(written(t, runFixture()), 800)
  t.after(() => page.close())
  const bars = page.locator('#chart--planted--bars .mark')
  const read = await bars.evaluateAll(marks =>
    marks.map(mark => ({
      value: Number((mark as HTMLElement).dataset.value),
      width: mark.querySelector('.bar')?.getBoundingClientRect().width ?? 0,
      left: mark.querySelector('.bar')?.getBoundingClientRect().left ?? 0,
      text: mark.querySelector('.value')?.textContent,
    })),
  )
  assert.deepEqual(
    read.map(({ value, text }) => [value, text]),
    [
      [10, '10'],
      [40, '40'],
      [20, '20'],
      [0, 'no value'],
      [-10, '-10'],
    ],
  )
  assert.ok(Math.abs(read[1].width / read[0].width - 4) < 0.05, JSON.stringify(read))
  assert.ok(Math.abs(read[1].width / read[2].width - 2) < 0.05, JSON.stringify(read))
  assert.ok(Math.abs(read[4].width - read[0].width) < 0.5, 'as long to the left')
  assert.ok(Math.abs(read[4].left + read[4].width - read[0].left) < 0.5, 'and ends where the others begin')
  const whisker = await page.locator('#chart--planted--bars .whisker').first().boundingBox()
  assert.ok(whisker && Math.abs(whisker.width / read[0].width - 0.4) < 0.05, 'quartiles 8 to 12 of 10')
})

test('the colours of a heat map follow its values', { skip }, async t => {
  const { page } = await open(written(t, runFixture()), 800)
  t.after(() => page.close())
  const cells = await page.locator('#chart--planted--heat .mark').evaluateAll(marks =>
    marks.map(mark => {
      const cell = mark.querySelector('.cell')
      return {
        read: (mark as HTMLElement).dataset.read,
        text: mark.querySelector('text')?.textContent,
        fill: cell === null ? '' : getComputedStyle(cell).fill,
      }
    }),
  )
  assert.deepEqual(
    cells.map(({ text }) => text),
    ['0', '50', '100', undefined],
  )
  assert.match(cells[1].read ?? '', /^row 1, b: 50%$/)
  const lightness = cells.slice(0, 3).map(({ fill }) => Number(/oklab\(([\d.]+)/.exec(fill)?.[1]))
  assert.ok(lightness[0] > lightness[1] && lightness[1] > lightness[2], JSON.stringify(cells))
  assert.ok(Math.abs(lightness[1] - (lightness[0] + lightness[2]) / 2) < 0.02, 'half way is half the colour')
})

test('curves go through their points, and the keyboard reads them', { skip }, async t => {
  const { page, complaints } = await open(written(t, runFixture()), 800)
  t.after(() => page.close())
  const figure = page.locator('#chart--planted--curves')
  await figure.scrollIntoViewIfNeeded()
  assert.deepEqual(complaints, [])
  const seen = await page.evaluate(() => {
    type Plot = { valToPos(value: number, scale: string, isCanvas: boolean): number; ctx: CanvasRenderingContext2D }
    const plots = (globalThis as unknown as { threadmapPlots: Map<string, Plot> }).threadmapPlots
    const plot = plots.get('chart--planted--curves-data')
    if (plot === undefined) return []
    const wanted = getComputedStyle(document.documentElement).getPropertyValue('--s1').trim()
    // Points of FastMap; the last place has no point.
    return [
      [1, 10],
      [2, 40],
      [8, 20],
      [2, 11],
    ].map(([x, y]) => {
      const [left, top] = [plot.valToPos(x, 'x', true), plot.valToPos(y, 'y', true)]
      const [r, g, b] = plot.ctx.getImageData(Math.round(left), Math.round(top), 1, 1).data
      return `#${[r, g, b].map(value => value.toString(16).padStart(2, '0')).join('')}` === wanted
    })
  })
  assert.deepEqual(seen, [true, true, true, false])
  await figure.locator('.picture').focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  assert.equal(await figure.locator('.readout').textContent(), 'clients 2: FastMap 40 M/s, SyncMap 11 M/s')
  await page.keyboard.press('End')
  assert.equal(await figure.locator('.readout').textContent(), 'clients 8: FastMap 20 M/s')
  await page.keyboard.press('Escape')
  assert.equal(await figure.locator('.readout').textContent(), '')
})

test('every chart is reached by Tab, has a text alternative and a table, and arrows read its marks', {
  skip,
}, async t => {
  const { page } = await open(written(t, runFixture()), 1100)
  t.after(() => page.close())
  const charts = await page.locator('.picture:visible').count()
  assert.equal(charts, 5, 'a tree, bars, curves, two heat maps')
  const reached = new Set<string>()
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab')
    const label = await page.evaluate(() => {
      const active = document.activeElement
      return active?.classList.contains('picture') ? active.getAttribute('aria-label') : null
    })
    if (label !== null) reached.add(label)
  }
  assert.equal(reached.size, charts, [...reached].join('\n'))
  for (const label of reached) assert.ok(label.length > 20, label)
  const bars = page.locator('#chart--planted--bars')
  await bars.locator('.picture').focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  assert.equal(await bars.locator('.readout').textContent(), 'beta: 40 operations per ms')
  assert.equal(await bars.locator('details table tbody tr').count(), 5)
  const heat = page.locator('#chart--planted--heat')
  await heat.locator('.picture').focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  assert.equal(await heat.locator('.readout').textContent(), 'row 2, a: 100%', 'down is the row below')
  await page.locator('#tree .picture').focus()
  await page.keyboard.press('End')
  assert.match((await page.locator('#tree .readout').textContent()) ?? '', /one thread\?/)
})

for (const width of [320, 390]) {
  test(`a phone ${width} px wide shows everything without scrolling sideways`, { skip }, async t => {
    const { page, complaints } = await open(written(t, runFixture()), width)
    t.after(() => page.close())
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true
    })
    const [content, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(content <= room, `${content} px in ${room}`)
    const outside = await page
      .locator('.picture :is(rect.bar, rect.cell, text.value, canvas)')
      .evaluateAll(parts =>
        parts.filter(part => part.getBoundingClientRect().right > innerWidth).map(part => part.outerHTML.slice(0, 120)),
      )
    assert.deepEqual(outside, [])
    const covered = await page.locator('.mark:has(.name):has(.bar)').evaluateAll(marks =>
      marks
        .filter(mark => {
          const [name, bar] = [mark.querySelector('.name'), mark.querySelector('.bar')]
          return name !== null && bar !== null && name.getBoundingClientRect().right > bar.getBoundingClientRect().left
        })
        .map(mark => (mark as HTMLElement).dataset.read),
    )
    assert.deepEqual(covered, [], 'no label runs into its bar')
    assert.deepEqual(complaints, [])
    assert.ok(await page.locator('#tree .outline').isVisible(), 'the tree is an outline here')
  })
}

test('dark mode is dark, legible, and draws curves in its own colours', { skip }, async t => {
  const path = written(t, runFixture())
  const found = new Map<string, { page: number; text: number; colour: string }>()
  for (const scheme of ['light', 'dark'] as const) {
    const { page, complaints } = await open(path, 500, scheme)
    found.set(
      scheme,
      await page.evaluate(() => {
        const luminance = (colour: string) => {
          const [r, g, b] = (colour.match(/[\d.]+/g) ?? []).map(Number).map(value => {
            const share = value / 255
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
          })
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const card = document.querySelector('section')
        if (card === null) throw new Error('no section')
        return {
          page: luminance(getComputedStyle(card).backgroundColor),
          text: luminance(getComputedStyle(card).color),
          colour: getComputedStyle(document.documentElement).getPropertyValue('--s1'),
        }
      }),
    )
    assert.deepEqual(complaints, [])
    await page.close()
  }
  const [light, dark] = [found.get('light'), found.get('dark')]
  assert.ok(light && dark)
  assert.ok(light.page > 0.9 && dark.page < 0.05)
  assert.ok((light.page + 0.05) / (light.text + 0.05) > 7 && (dark.text + 0.05) / (dark.page + 0.05) > 7)
  assert.notEqual(light.colour, dark.colour)
})

test('names may hold anything: all of it is shown as text', { skip }, async t => {
  const { page, complaints } = await open(written(t, runFixture({ name: HOSTILE })), 800)
  t.after(() => page.close())
  assert.deepEqual(complaints, [])
  assert.equal(await page.evaluate(() => 'hacked' in globalThis), false)
  assert.equal(await page.locator('img, iframe, body > b').count(), 0)
  assert.ok((await page.locator('#chart--planted--bars').textContent())?.includes(HOSTILE))
  await page.locator('#chart--planted--curves .picture').focus()
  await page.keyboard.press('Home')
  assert.ok((await page.locator('#chart--planted--curves .readout').textContent())?.includes(HOSTILE))
})

test('each belief stands beside what was measured', { skip }, async t => {
  const { page } = await open(written(t, runFixture()), 800)
  t.after(() => page.close())
  const text = async (id: number) => ((await page.locator(`#belief-${id}`).textContent()) ?? '').replaceAll(/\s+/g, ' ')
  assert.match(
    await text(10),
    /✗ ?does not hold 10\. Two hot words.*As told: 12\.4 M writes.*Here: 1\.2 times \(planted\)/,
  )
  assert.match(await text(7), /✓ ?holds .*Here: three times as fast/)
  assert.match(await text(1), /– ?not tested .*No finished experiment/)
  assert.equal(await page.locator('.belief').count(), 16)
  assert.match((await page.locator('.tally').textContent()) ?? '', /1 holds.*1 does not hold.*14 not tested/)
})

test('two runs compared: what changed beyond the noise, and nothing else', () => {
  const [a, b] = [runFixture(), runFixture({ speed: 2, id: 'other' })]
  assert.equal(compareRuns(a, a).figures.filter(({ isChange }) => isChange).length, 0)
  const { figures, onlyAfter, isSameMachine } = compareRuns(a, b)
  assert.deepEqual(
    figures.filter(({ isChange }) => isChange).map(({ after, ratio, isBetter }) => [after.subject, ratio, isBetter]),
    [
      ['FastMap', 2, true],
      ['pause', 2, false],
    ],
    'what only wavers within its quartiles has not changed',
  )
  assert.equal(onlyAfter, 0)
  assert.equal(isSameMachine, true)
})

test('threadmap report writes the page beside the run, and --compare what changed between two', async t => {
  const root = folder(t)
  for (const [name, document] of [
    ['a', runFixture()],
    ['b', runFixture({ speed: 2, id: 'other' })],
  ] as const) {
    mkdirSync(join(root, name))
    writeFileSync(join(root, name, 'run.json'), JSON.stringify(document))
  }
  const report = await threadmap(['report', join(root, 'a')])
  assert.equal(report.code, 0, report.stderr)
  assert.match(report.stdout, /FastMap[\s\S]*Report: file:.*report\.html/)
  assert.match(readFileSync(join(root, 'a', 'report.html'), 'utf8'), /^<!doctype html>[\s\S]*<\/html>\n$/)
  const compared = await threadmap(['report', '--compare', join(root, 'a'), join(root, 'b')], { cwd: root })
  assert.equal(compared.code, 0, compared.stderr)
  assert.match(compared.stdout, /2 of \d+ figures changed beyond the noise: 1 better, 1 worse/)
  assert.match(compared.stdout, /better x2 {2}planted: FastMap/)
  const page = readFileSync(join(root, 'b', 'comparison.html'), 'utf8')
  assert.match(page, /2 of \d+ figures changed beyond the noise/)
  writeFileSync(join(root, 'b', 'previous.json'), JSON.stringify(runFixture()))
  await threadmap(['report', join(root, 'b')])
  assert.match(readFileSync(join(root, 'b', 'report.html'), 'utf8'), /What changed between two runs/)
})

test('what cannot be drawn is refused in one line, with code 2, and nothing is written', async t => {
  const root = folder(t, {
    'run/run.json': JSON.stringify(runFixture()),
    'broken/run.json': '{"format"',
    'file.txt': 'text',
    'gaps/run.json': JSON.stringify(runFixture()).replace('"categories":[', '"categories":null,"unknown":['),
  })
  const run = join(root, 'run')
  writeFileSync(join(root, 'run', 'report.html'), 'the old one')
  const cases: [string[], RegExp][] = [
    [[join(root, 'none')], /cannot read .*ENOENT.*run "threadmap lab"/],
    [[join(root, 'broken')], /is not JSON/],
    [[join(root, 'gaps')], /gaps is damaged \(TypeError.*run "threadmap lab" again/],
    [[run, '--out', join(root, 'missing', 'x.html')], /cannot write .*ENOENT.*writable folder/],
    [[run, '--out', join(root, 'file.txt', 'x.html')], /cannot write .*ENOTDIR/],
    [[run, '--out', run], /cannot write .*EISDIR/],
    [['--compare', run], /two runs, not 1; give --compare A B/],
    [['--compare', run, join(root, 'none')], /cannot read/],
  ]
  await Promise.all(
    cases.map(async ([args, expected]) => {
      const { code, stdout, stderr } = await threadmap(['report', ...args], { cwd: root })
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.equal(stdout, '')
      assert.match(stderr, expected)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
    }),
  )
  assert.deepEqual(readdirSync(root).sort(), ['broken', 'file.txt', 'gaps', 'run'])
  assert.deepEqual(readdirSync(run).sort(), ['report.html', 'run.json'])
  assert.equal(readFileSync(join(run, 'report.html'), 'utf8'), 'the old one')
})
