/** Text in columns of a terminal. */
import { visible } from '../visible.js'

/** A style of a terminal (SGR), by the number that begins it; the identity where there are no colours. */
export interface Paint {
  readonly isColoured: boolean
  bold(text: string): string
  dim(text: string): string
  /** By the level of a shard: green, yellow, orange, red. */
  level(level: number, text: string): string
  /** The text on the colour of a heat from 0 to 1. */
  heat(heat: number, text: string): string
}

/** Of the palette of 256 colours, each legible on black and on white. */
const LEVEL_COLOURS = [28, 136, 166, 160]
/** Background and text, from cold to hot. */
const HEAT_COLOURS = [
  [24, 231],
  [66, 231],
  [108, 16],
  [179, 16],
  [208, 16],
  [196, 16],
] as const

export function paint(isColoured: boolean): Paint {
  const styled = (code: string) => (text: string) =>
    isColoured && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text
  return {
    isColoured,
    bold: styled('1'),
    dim: styled('2'),
    level: (level, text) => styled(`1;38;5;${LEVEL_COLOURS[level]}`)(text),
    heat: (heat, text) => {
      const [back, front] = HEAT_COLOURS[Math.min(HEAT_COLOURS.length - 1, Math.floor(heat * HEAT_COLOURS.length))]
      return styled(`38;5;${front};48;5;${back}`)(text)
    },
  }
}

/** Characters that take two columns: those of East Asia, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** How many columns the text takes; it has no control characters. */
export function width(text: string): number {
  // Most text of a table is ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let columns = 0
  for (const { segment } of segmenter.segment(text)) columns += WIDE.test(segment) || segment.includes('\ufe0f') ? 2 : 1
  return columns
}

/** The text in at most `columns` columns: a longer one is cut, and ends in an ellipsis. */
export function fitted(text: string, columns: number): string {
  const clean = visible(text)
  if (width(clean) <= columns) return clean
  if (columns <= 0) return ''
  let kept = ''
  let used = 1
  for (const { segment } of segmenter.segment(clean)) {
    used += width(segment)
    if (used > columns) break
    kept += segment
  }
  return `${kept}…`
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)))
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - width(text))) + text
}

/** Words in lines of at most `columns` columns. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of visible(text).split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? fitted(word, columns) : `${line} ${word}`
  }
  return line === '' ? lines : [...lines, line]
}

export interface TextColumn<Row> {
  readonly heading: string
  readonly cell: (row: Row) => string
  readonly paint?: (row: Row, text: string) => string
  /** Text is to the left, and the last of such columns may be cut; figures are to the right. */
  readonly isText?: boolean
  /** Columns with a higher number go first where the terminal is narrow; default 0: the column always stays. */
  readonly spare?: number
}

/** A table in at most `columns` columns. Where the terminal is narrow the spare columns are left out, then text is cut. */
export function table<Row>(
  all: readonly TextColumn<Row>[],
  rows: readonly Row[],
  columns: number,
  painter: Paint,
): string[] {
  let chosen = [...all]
  const widthOf = (column: TextColumn<Row>) =>
    Math.max(width(column.heading), ...rows.map(row => width(visible(column.cell(row)))))
  const needed = () =>
    chosen.reduce((sum, column) => sum + (column.isText ? Math.min(24, widthOf(column)) : widthOf(column)) + 2, 0)
  while (needed() > columns) {
    const most = Math.max(...chosen.map(({ spare = 0 }) => spare))
    if (most === 0) break
    chosen = chosen.filter(({ spare = 0 }) => spare !== most)
  }
  const widths = chosen.map(widthOf)
  const overflow = widths.reduce((sum, size) => sum + size + 2, 0) - columns
  if (overflow > 0) {
    const widest = chosen.reduce(
      (best, column, at) => (column.isText && (best < 0 || widths[at] > widths[best]) ? at : best),
      -1,
    )
    if (widest >= 0) widths[widest] = Math.max(6, widths[widest] - overflow)
  }
  const line = (
    cellOf: (column: TextColumn<Row>) => string,
    painted: (column: TextColumn<Row>, text: string) => string,
  ) =>
    `  ${chosen
      .map((column, at) => {
        const text = fitted(cellOf(column), widths[at])
        return painted(column, column.isText ? padEnd(text, widths[at]) : padStart(text, widths[at]))
      })
      .join('  ')}`.trimEnd()
  return [
    painter.dim(
      line(
        ({ heading }) => heading,
        (_, text) => text,
      ),
    ),
    ...rows.map(row =>
      line(
        ({ cell }) => cell(row),
        (column, text) => column.paint?.(row, text) ?? text,
      ),
    ),
  ]
}
