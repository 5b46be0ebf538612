import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowsError } from '#mesh/rows/errors.js'
import { HOURS_A_YEAR } from '#mesh/rows/prices.js'
import { publishedRows } from '#mesh/rows/published.js'
import { parseRows, readRows } from '#mesh/rows/supplied.js'
import { RowTable } from '#mesh/select/table.js'
import { measuredRow } from '../support/rows.js'

const TODAY = new Date('2026-11-27T12:00:00Z')
const parse = (text: string) => parseRows(text, 'mine.yaml', 'supplied', TODAY)

const GOOD = `source: security team
date: 2026-11-20
rows:
  - subject: envoy
    version: 1.40
    metric: fips
    value: yes
    note: certificate 1234
  - { subject: nginx, version: any, metric: control-plane-cpu, value: 0.4, unit: cores, interval: { low: 0.3, high: 0.5 } }
  - { subject: nginx, version: any, metric: slo, value: "99.9% a month", source: operations, date: 2026-10 }
`

test('rows of a file have their origin, source and date', () => {
  const { rows, prices } = parse(GOOD)
  assert.equal(prices, undefined)
  assert.deepEqual(
    rows.map(({ subject, version, value, tag, source, date }) => [subject, version, value, tag, source, date]),
    [
      // A version is a text: 1.40 must not become 1.4.
      ['envoy', '1.40', 'yes', 'supplied', 'security team (certificate 1234)', '2026-11-20'],
      ['nginx', 'any', 0.4, 'supplied', 'security team', '2026-11-20'],
      ['nginx', 'any', '99.9% a month', 'supplied', 'operations', '2026-10'],
    ],
  )
  assert.deepEqual(rows[1].interval, { low: 0.3, high: 0.5 })
})

const row = (fields: string) => `source: s\ndate: 2026-11-20\nrows:\n  - { ${fields} }\n`

/** What is wrong, and the line, field and words that the error must have. */
const FAULTS: readonly (readonly [string, string, number, string, RegExp])[] = [
  [
    'an unknown metric',
    row('subject: envoy, version: any, metric: p96, value: 1, unit: ms'),
    4,
    'rows[0].metric',
    /p95/,
  ],
  ['another unit', row('subject: envoy, version: any, metric: pss, value: 1, unit: GB'), 4, 'rows[0].unit', /MB.*GB/],
  ['no unit', row('subject: envoy, version: any, metric: pss, value: 1'), 4, 'rows[0]', /add unit: MB/],
  [
    'a unit of an answer',
    row('subject: e, version: any, metric: fips, value: yes, unit: ms'),
    4,
    'rows[0].unit',
    /leave/,
  ],
  [
    'a figure that is no number',
    row('subject: e, version: any, metric: pss, value: much, unit: MB'),
    4,
    'rows[0].value',
    /"much".*number/,
  ],
  ['a figure of 0', row('subject: e, version: any, metric: pss, value: 0, unit: MB'), 4, 'rows[0].value', /above 0/],
  [
    'an infinite figure',
    row('subject: e, version: any, metric: pss, value: .inf, unit: MB'),
    4,
    'rows[0].value',
    /number/,
  ],
  [
    'neither yes nor no',
    row('subject: e, version: any, metric: fips, value: maybe'),
    4,
    'rows[0].value',
    /"maybe".*yes or no/,
  ],
  ['no version', row('subject: e, metric: fips, value: yes'), 4, 'rows[0]', /version: any/],
  ['a misspelt field', row('subject: e, version: any, metrik: fips, value: yes'), 4, 'rows[0].metrik', /metric/],
  [
    'no source',
    'date: 2026-11-20\nrows:\n  - { subject: e, version: any, metric: fips, value: yes }\n',
    3,
    'rows[0]',
    /source/,
  ],
  ['no date', 'source: s\nrows:\n  - { subject: e, version: any, metric: fips, value: yes }\n', 3, 'rows[0]', /date/],
  [
    'a date that does not exist',
    row('subject: e, version: any, metric: fips, value: yes, date: 2026-02-30'),
    4,
    'rows[0].date',
    /2026-02-30/,
  ],
  [
    'a date in the future',
    row('subject: e, version: any, metric: fips, value: yes, date: 2027-01-01'),
    4,
    'rows[0].date',
    /future/,
  ],
  ['undated', row('subject: e, version: any, metric: fips, value: yes, date: undated'), 4, 'rows[0].date', /no date/],
  [
    'an interval beside the value',
    row('subject: e, version: any, metric: pss, value: 5, unit: MB, interval: { low: 6, high: 7 }'),
    4,
    'rows[0].interval',
    /contain/,
  ],
  [
    'the row twice',
    `${row('subject: e, version: any, metric: fips, value: yes')}  - { subject: e, version: any, metric: fips, value: no }\n`,
    5,
    'rows[1]',
    /line 4/,
  ],
  ['no YAML', 'rows: [\n', 2, '', /YAML/],
  ['a list', '- 1\n', 1, '', /a list/],
  ['an empty file', '', 1, '', /empty/],
  ['nothing in it', 'source: s\n', 1, '', /neither rows nor prices/],
  [
    'an alias',
    'source: &s x\ndate: 2026-11-20\nrows:\n  - { subject: *s, version: any, metric: fips, value: yes }\n',
    4,
    'rows[0].subject',
    /alias/,
  ],
  [
    'a long text',
    row(`subject: ${'x'.repeat(501)}, version: any, metric: fips, value: yes`),
    4,
    'rows[0].subject',
    /501.*500/,
  ],
  ['prices without a part', 'source: s\ndate: 2026-11-20\nprices:\n  currency: EUR\n', 4, 'prices', /vcpu-hour/],
]

for (const [name, text, line, field, words] of FAULTS) {
  test(`a file with ${name} is refused by file, line, field and next step`, () => {
    assert.throws(
      () => parse(text),
      (error: unknown) => {
        assert.ok(error instanceof RowsError, String(error))
        assert.equal(error.code, 'ERR_MESH_ROWS')
        assert.deepEqual([error.file, error.line, error.field], ['mine.yaml', line, field], error.message)
        assert.match(error.message, words)
        assert.ok(error.next.length > 0)
        assert.ok(!error.message.includes('\n'))
        return true
      },
    )
  })
}

test('a file that is not there is refused by its name', () => {
  assert.throws(() => readRows('/nowhere/rows.yaml'), /\/nowhere\/rows\.yaml:1: cannot be read \(ENOENT\)/)
})

test('the published rows are valid, and none of them decides', () => {
  const rows = publishedRows()
  assert.ok(rows.length >= 15)
  assert.ok(rows.every(({ tag, source }) => tag === 'published' && source !== ''))
  const table = new RowTable(rows)
  assert.deepEqual(table.candidates, [])
  const withMeasured = new RowTable([...rows, measuredRow('consul', 'p95', 2)])
  assert.equal(withMeasured.decision('consul', 'discovery-age').row, undefined)
})

const PRICES = `source: price list of a cloud
date: 2026-11-01
prices: { currency: EUR, vcpu-hour: 0.05, gb-hour: 0.006, operator-hour: 80, pairs: 200, requests-per-second: 50 }
rows:
  - { subject: envoy, version: any, metric: control-plane-cpu, value: 2, unit: cores }
  - { subject: envoy, version: any, metric: control-plane-memory, value: 500, unit: MB }
  - { subject: envoy, version: any, metric: operation-hours, value: 100, unit: h/year }
`

test('the cost a year follows the formula, and bears its interval', () => {
  const { rows, prices } = parse(PRICES)
  const exact = { noise: 0 }
  const measured = [measuredRow('envoy', 'cpu-per-request', 400, exact), measuredRow('envoy', 'pss', 80, exact)]
  const { row } = new RowTable([...measured, ...rows], { prices }).decision('envoy', 'cost')
  const cores = 200 * 50 * (400 / 1e6) + 2
  const gigabytes = (200 * 80 + 500) / 1000
  const expected = HOURS_A_YEAR * (cores * 0.05 + gigabytes * 0.006) + 100 * 80
  assert.ok(Math.abs((row!.value as number) - expected) < 1e-6)
  assert.equal(row!.tag, 'supplied')
  assert.match(row!.source, /EUR.*price list of a cloud/)

  const noisy = [measuredRow('envoy', 'cpu-per-request', 400, { noise: 0.2 }), measuredRow('envoy', 'pss', 80, exact)]
  const { row: wide } = new RowTable([...noisy, ...rows], { prices }).decision('envoy', 'cost')
  assert.ok(wide!.interval!.low < (wide!.value as number) && wide!.interval!.high > (wide!.value as number))
})

test('a cost that lacks a term is no figure, and names the term', () => {
  const { rows, prices } = parse(PRICES)
  const table = new RowTable([measuredRow('envoy', 'cpu-per-request', 400), ...rows], { prices })
  const { row, why } = table.decision('envoy', 'cost')
  assert.equal(row, undefined)
  assert.match(why!, /pss/)
  assert.deepEqual(table.missingForCost('envoy'), ['pss'])
})
