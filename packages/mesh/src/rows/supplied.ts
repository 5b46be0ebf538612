/**
 * Rows that somebody else knows: a user supplies them, or they were published. A file of rows is YAML:
 *
 *     source: certificate list of the security team
 *     date: 2026-11-20
 *     rows:
 *       - { subject: envoy, version: 1.40.0, metric: fips, value: no, note: the wheel has BoringSSL without FIPS }
 *       - { subject: envoy, version: any, metric: control-plane-cpu, value: 0.4, unit: cores, workload: 1,000 nodes }
 *     prices: { ... }      # see prices.ts
 *
 * Such rows keep their origin: no measured ranking has them.
 */
import { isWeighable, metricNames, metricOf } from './metrics.js'
import { type Prices, readPrices } from './prices.js'
import type { MeshRow } from './row.js'
import { Field } from './yaml.js'

/** A row that holds for every version of its subject. */
export const ANY_VERSION = 'any'

/** The date of a publication that bears none. A row that a user supplies must have one. */
export const UNDATED = 'undated'

/** Rows of a file at most: people write them. */
const MOST_ROWS = 10_000

export interface RowsFile {
  readonly rows: readonly MeshRow[]
  readonly prices: Prices | undefined
}

/** The rows and prices of a file that a user supplies. `RowsError` if one of them cannot be taken; then none is. */
export function readRows(file: string, today: Date = new Date()): RowsFile {
  return rowsOf(Field.read(file), 'supplied', today)
}

/** Like `readRows`, for text; `file` is its name in messages. */
export function parseRows(
  text: string,
  file: string,
  tag: 'supplied' | 'published' = 'supplied',
  today: Date = new Date(),
): RowsFile {
  return rowsOf(Field.parse(text, file), tag, today)
}

const ROW_FIELDS = [
  'subject',
  'version',
  'metric',
  'value',
  'unit',
  'interval',
  'workload',
  'source',
  'date',
  'note',
] as const

export function rowsOf(document: Field, tag: 'supplied' | 'published', today: Date): RowsFile {
  const { source, date, rows, prices } = document.fields(['source', 'date', 'rows', 'prices'])
  const common = {
    source: source?.text(),
    date: date === undefined ? undefined : dateOf(date, tag, today),
  }
  const found: MeshRow[] = []
  const lines = new Map<string, number>()
  for (const item of rows?.items(MOST_ROWS) ?? []) {
    const row = rowOf(item, common, tag, today)
    const name = [row.subject, row.version, row.metric, row.workload, row.source].join('\n')
    const earlier = lines.get(name)
    if (earlier !== undefined) {
      throw item.error(
        `${row.subject} ${row.version ?? ''} has ${row.metric} of this source in line ${earlier} already`,
        'leave one of the two out, or give them different workloads',
      )
    }
    lines.set(name, item.line)
    found.push(row)
  }
  if (rows === undefined && prices === undefined) throw document.error('has neither rows nor prices', 'add rows:')
  return {
    rows: found,
    prices:
      prices === undefined
        ? undefined
        : readPrices(prices, sourceOf(common, prices), common.date ?? missing(prices, 'date')),
  }
}

type Common = { readonly source: string | undefined; readonly date: string | undefined }

function rowOf(item: Field, common: Common, tag: 'supplied' | 'published', today: Date): MeshRow {
  const fields = item.fields(ROW_FIELDS, ['subject', 'metric', 'value'])
  const id = fields.metric!.text()
  const metric = metricOf(id)
  if (metric === undefined) throw fields.metric!.error(`there is no metric ${id}`, metricNames(id))
  if (metric.unit === '') {
    if (fields.unit !== undefined) throw fields.unit.error(`${id} is an answer and has no unit`, 'leave the unit out')
  } else {
    if (fields.unit === undefined) throw item.error('has no field unit', `add unit: ${metric.unit}`)
    const unit = fields.unit.text()
    if (unit !== metric.unit) throw fields.unit.error(`${id} is in ${metric.unit}, not ${unit}`, 'convert the value')
  }
  const value = fields.value!
  const figure =
    metric.kind === 'yes-no'
      ? value.yesOrNo()
      : metric.kind === 'words'
        ? value.text()
        : value.number(isWeighable(metric) ? { above: 0 } : {})
  const interval = fields.interval === undefined ? undefined : intervalOf(fields.interval, figure)
  const note = fields.note?.text()
  const source = fields.source?.text() ?? sourceOf(common, item)
  const workload = fields.workload?.text()
  return {
    subject: fields.subject!.text(),
    version: versionOf(item, fields.version, tag),
    metric: id,
    unit: metric.unit,
    value: figure,
    ...(interval === undefined ? {} : { interval }),
    tag,
    source: note === undefined ? source : `${source} (${note})`,
    date: fields.date === undefined ? (common.date ?? missing(item, 'date')) : dateOf(fields.date, tag, today),
    ...(workload === undefined ? {} : { workload }),
  }
}

/** A user must say for which version a row holds, since it decides about that version; a publication may not know. */
function versionOf(item: Field, field: Field | undefined, tag: 'supplied' | 'published'): string | undefined {
  if (field === undefined && tag === 'supplied') {
    throw item.error('has no field version', `add version: ..., or version: ${ANY_VERSION} if it holds for all`)
  }
  return field?.text()
}

function intervalOf(field: Field, value: number | string): { low: number; high: number } {
  if (typeof value !== 'number') throw field.error('an answer has no interval', 'leave it out')
  const { low, high } = field.fields(['low', 'high'], ['low', 'high'])
  const interval = { low: low!.number(), high: high!.number() }
  if (interval.low > value || interval.high < value) {
    throw field.error(
      `${interval.low} to ${interval.high} does not contain the value ${value}`,
      'correct the value or the interval',
    )
  }
  return interval
}

function sourceOf({ source }: Common, item: Field): string {
  return source ?? missing(item, 'source')
}

function missing(item: Field, name: string): never {
  throw item.error(`has no ${name}, and the file has none for all rows`, `add ${name}: ... to it or to the file`)
}

/** `2026-11-27`, `2026-11` or `2026`, not later than today. */
function dateOf(field: Field, tag: 'supplied' | 'published', today: Date): string {
  const text = field.text()
  if (tag === 'published' && text === UNDATED) return text
  const isDate = /^\d{4}(-\d{2}(-\d{2})?)?$/.test(text) && isReal(text)
  if (!isDate) throw field.error(`${text} is no date`, 'write it as 2026-11-27, 2026-11 or 2026')
  if (new Date(text) > today) throw field.error(`${text} lies in the future`, 'correct the date')
  return text
}

/** Whether the day exists: `Date` takes February 30 as March 2. */
function isReal(text: string): boolean {
  const date = new Date(text)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
}
