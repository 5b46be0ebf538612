/** One picture of a governor for a terminal, as lines. A pure function of the snapshot and the size. */
import type { GovernorSnapshot, HotKey, MapSnapshot, ShardSnapshot } from '../../snapshot.js'
import {
  age,
  count,
  duration,
  heats,
  LEVELS,
  percent,
  perSecond,
  timeOfDay,
  timesOfAll,
  transitionText,
  verdict,
  worstFirst,
} from '../figures.js'
import { fitted, type Paint, padEnd, type TextColumn, table, wrapped } from './text.js'

export interface FrameSize {
  readonly columns: number
  /** The rows of the terminal; without it everything is shown, for a pipe. */
  readonly rows?: number
}

/** Below this a table has no columns left to leave out. */
export const LEAST_COLUMNS = 36
/** Without colours: no load, then from cold to hot. */
const SHADES = ' .:-=+*#%@'
/** A terminal with fewer rows has none for counters and legend. */
const SHORT = 30
/** The rows of the tables where there is room. */
const ROWS = 10
const MOST_CELLS = 512

/** The lines of the picture, none longer than `columns`. */
export function frame(snapshot: GovernorSnapshot, size: FrameSize, painter: Paint): string[] {
  const columns = Math.max(LEAST_COLUMNS, size.columns)
  const isShort = size.rows !== undefined && size.rows < SHORT
  const head = [
    ...heading(snapshot, columns, painter, isShort),
    '',
    ...heatLines(snapshot, columns, painter, isShort),
    '',
  ]
  if (size.rows === undefined) {
    return [
      ...head,
      ...shardLines(snapshot, columns, painter, ROWS),
      '',
      ...keyLines(snapshot, columns, painter, ROWS),
      '',
      ...mapLines(snapshot, columns, painter),
      ...transitionLines(snapshot, columns, painter, ROWS),
    ]
  }
  // The tables share what is left: three headings with the line of their columns, and lines between.
  const maps = isShort ? [] : mapLines(snapshot, columns, painter)
  const left = Math.max(3, size.rows - head.length - maps.length - 7)
  const keys = Math.min(ROWS, snapshot.topKeys.length, Math.max(1, Math.floor(left / 3)))
  const transitions = Math.min(ROWS, snapshot.transitions.length, Math.max(1, Math.floor(left / 4)))
  return [
    ...head,
    ...shardLines(snapshot, columns, painter, Math.max(1, left - Math.max(1, keys) - Math.max(1, transitions))),
    '',
    ...keyLines(snapshot, columns, painter, keys),
    '',
    ...maps,
    ...transitionLines(snapshot, columns, painter, transitions),
  ].slice(0, size.rows)
}

function heading(snapshot: GovernorSnapshot, columns: number, painter: Paint, isShort: boolean): string[] {
  const { all, objective, threads, uptime, shards } = snapshot
  const worst = Math.max(0, ...shards.map(({ level }) => level))
  const facts = [
    `P99 ${duration(all.p99)} of ${duration(objective.p99)}`,
    `P50 ${duration(all.p50)}`,
    perSecond(all.rate),
    `${percent(all.errorShare)} errors`,
    `${count(all.inFlight)} in flight`,
    `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    `up ${age(uptime)}`,
  ]
  const counters = [
    `${count(all.refused)} refused`,
    `${count(all.queued)} queued`,
    `${count(all.rerouted)} rerouted`,
    `${count(all.copies)} copies`,
    `${count(all.joined)} joined`,
    `${count(all.degraded)} degraded`,
  ]
  return [
    ...wrapped(verdict(snapshot), columns).map(line => painter.level(worst, line)),
    ...listed(facts, columns),
    ...(isShort ? [] : listed(counters, columns).map(painter.dim)),
  ]
}

/** Short texts with two spaces between, in as many lines as they need. */
function listed(texts: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const text of texts) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 2 + text.length <= columns) lines[lines.length - 1] = `${last}  ${text}`
    else lines.push(fitted(text, columns))
  }
  return lines
}

function heatLines({ shards }: GovernorSnapshot, columns: number, painter: Paint, isShort: boolean): string[] {
  const heat = heats(shards)
  const places = shards.map((_, place) => place)
  const chosen =
    shards.length <= MOST_CELLS
      ? places
      : worstFirst(shards)
          .slice(0, MOST_CELLS)
          .sort((a, b) => a - b)
  const label = String(shards.length).length
  // A round number of shards per line, so that a shard's number can be read off.
  const room = Math.max(4, Math.floor((columns - label - 1) / (painter.isColoured ? 2 : 3)))
  const perLine = room >= 32 ? 32 : room >= 16 ? 16 : room >= 8 ? 8 : 4
  const lines: string[] = []
  for (let at = 0; at < chosen.length; at += perLine) {
    const cells = chosen.slice(at, at + perLine).map(place => cell(shards[place], heat[place], painter))
    lines.push(`${painter.dim(String(shards[chosen[at]].shard).padStart(label))} ${cells.join('')}`)
  }
  const title = painter.bold(fitted('Shards: P99 x rate beside the median', columns))
  const meaning = '1 2 3 the level, ! hot'
  const legend = painter.isColoured
    ? [`${[0.1, 0.4, 0.7, 1].map(value => painter.heat(value, '  ')).join('')} cold to hot`, meaning]
    : [`[${SHADES.slice(1)}] cold to hot`, meaning]
  const which = chosen.length < shards.length ? [`the ${chosen.length} worst of ${shards.length}`] : []
  return [title, ...lines, ...(isShort ? [] : columns < 44 ? legend : [legend.join(', ')]), ...which]
}

/** Two characters, or three without colours: the shade, and what the governor does. */
function cell({ level, hot }: ShardSnapshot, heat: number, painter: Paint): string {
  const mark = level > 0 ? String(level) : hot ? '!' : ''
  if (painter.isColoured) return painter.heat(heat, (mark || (heat > 0 ? '·' : '')).padEnd(2))
  const shade = heat === 0 ? 0 : 1 + Math.min(SHADES.length - 2, Math.floor(heat * (SHADES.length - 1)))
  return (SHADES[shade] + mark).padEnd(3)
}

function shardLines({ shards, all, at }: GovernorSnapshot, columns: number, painter: Paint, rows: number): string[] {
  const order = worstFirst(shards)
  const shown = order.slice(0, rows).map(place => shards[place])
  const list: TextColumn<ShardSnapshot>[] = [
    { heading: 'shard', cell: ({ shard }) => String(shard) },
    {
      heading: 'level',
      isText: true,
      cell: ({ level }) => LEVELS[level],
      paint: ({ level }, text) => painter.level(level, text),
    },
    { heading: 'P99 10 s', cell: ({ p99Short }) => duration(p99Short) },
    { heading: '1 min', spare: 2, cell: ({ p99 }) => duration(p99) },
    { heading: '5 min', spare: 5, cell: ({ p99Long }) => duration(p99Long) },
    { heading: 'of all', spare: 3, cell: shard => timesOfAll(shard, all) },
    { heading: 'rate', cell: ({ rate }) => perSecond(rate) },
    { heading: 'errors', spare: 1, cell: ({ errorShare }) => percent(errorShare) },
    { heading: 'flying', spare: 6, cell: ({ inFlight }) => count(inFlight) },
    { heading: 'refused', spare: 7, cell: ({ refused }) => count(refused) },
    { heading: 'rerouted', spare: 8, cell: ({ rerouted }) => count(rerouted) },
    { heading: 'copies', spare: 9, cell: ({ copies }) => count(copies) },
    { heading: 'why', isText: true, spare: 4, cell: shard => whyOf(shard, at) },
  ]
  const more = order.length > shown.length ? `, ${shown.length} of ${order.length}` : ''
  return [painter.bold(fitted(`Shards, the worst first${more}`, columns)), ...table(list, shown, columns, painter)]
}

function whyOf({ hot, cause, hotSince, pinned, limit, concurrency }: ShardSnapshot, at: number): string {
  return [
    pinned ? 'pinned' : '',
    cause ?? (hot ? 'hot' : ''),
    hotSince === undefined ? '' : age(at - hotSince),
    limit === undefined ? '' : `<= ${perSecond(limit)}`,
    concurrency === undefined ? '' : `${concurrency} at once`,
  ]
    .filter(part => part !== '')
    .join(', ')
}

function keyLines({ topKeys }: GovernorSnapshot, columns: number, painter: Paint, rows: number): string[] {
  const title = painter.bold('Hot keys')
  if (topKeys.length === 0) return [title, painter.dim(fitted('  none has been counted often enough yet', columns))]
  const list: TextColumn<HotKey>[] = [
    { heading: 'key', isText: true, cell: ({ key }) => key },
    { heading: 'shard', cell: ({ shard }) => String(shard) },
    { heading: 'of all', cell: ({ share }) => percent(share) },
    { heading: 'of shard', spare: 1, cell: ({ shareOfShard }) => percent(shareOfShard) },
    { heading: 'count', spare: 2, cell: hot => count(hot.count) },
    { heading: '', isText: true, spare: 3, cell: ({ share }) => '▇'.repeat(Math.min(20, Math.round(share * 20))) },
  ]
  return [title, ...table(list, topKeys.slice(0, rows), columns, painter)]
}

function mapLines({ maps }: GovernorSnapshot, columns: number, painter: Paint): string[] {
  if (maps.length === 0) return []
  const list: TextColumn<MapSnapshot>[] = [
    { heading: 'map', isText: true, cell: ({ name }) => name },
    { heading: 'entries', cell: ({ entries }) => count(entries) },
    { heading: 'reads', cell: ({ reads }) => perSecond(reads) },
    {
      heading: 'lock waits',
      spare: 1,
      cell: ({ shards }) => count(shards.reduce((sum, each) => sum + each.lockWaits, 0)),
    },
    {
      heading: 'waited',
      spare: 2,
      cell: ({ shards }) => duration(shards.reduce((sum, each) => sum + each.lockWaitMs, 0)),
    },
    { heading: 'read most', isText: true, spare: 3, cell: ({ topKeys }) => topKeys[0]?.key ?? '' },
  ]
  return [painter.bold('Maps'), ...table(list, maps, columns, painter), '']
}

function transitionLines({ transitions }: GovernorSnapshot, columns: number, painter: Paint, rows: number): string[] {
  const title = painter.bold('Transitions')
  if (transitions.length === 0) return [title, painter.dim('  no level has changed')]
  const newest = transitions.slice(-Math.max(1, rows)).reverse()
  return [
    title,
    ...newest.map(transition => {
      const what = `  ${timeOfDay(transition.at)}  ${transitionText(transition)}`
      const text = fitted(what, columns)
      const reason = fitted(`  ${transition.reason}`, columns - text.length)
      return painter.level(transition.to, padEnd(text, text.length)) + (reason.length > 8 ? painter.dim(reason) : '')
    }),
  ]
}
