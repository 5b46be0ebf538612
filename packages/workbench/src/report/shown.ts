/** The charts and tables of an outcome, as parts of a page. */
import type { Chart, Table } from '../experiment.js'
import { cellText } from '../terminal/table.js'
import { barFigure } from './charts/bar.js'
import { scrollingTable } from './charts/frame.js'
import { heatFigure } from './charts/heat.js'
import { lineFigure } from './charts/line.js'
import type { Html } from './html.js'

export function chartFigure(chart: Chart, id: string): Html {
  switch (chart.kind) {
    case 'line':
      return lineFigure(chart, id)
    case 'bar':
      return barFigure(chart, id)
    case 'heat':
      return heatFigure(chart, id)
  }
}

export function outcomeTable({ title, columns, rows }: Table): Html {
  const isText = columns.map((_, at) => rows.some(row => typeof row[at] === 'string'))
  return scrollingTable(
    columns.map(({ label, unit }) => (unit === undefined ? label : `${label} (${unit})`)),
    rows.map(row => row.map((cell, at) => ({ text: cellText(cell, columns[at]), isFigure: !isText[at] }))),
    title,
  )
}
