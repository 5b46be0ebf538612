import type { LineChart } from '../../experiment.js'
import type { PlotData } from '../browser/plot-data.js'
import { coloursFor } from '../colours.js'
import { axisText, barText, figure } from '../figures.js'
import { type Html, html, jsonIsland } from '../html.js'
import { chartFigure, scrollingTable } from './frame.js'

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 4], [12, 4], [3, 2, 8, 2]]

function curveLegend({ series }: PlotData): Html {
  return html`<ul class="legend">${series.map(
    ({ name, colour, dash }) =>
      html`<li><svg class="stroke" width="30" height="12" aria-hidden="true"><line x2="30" y1="6" y2="6" style="stroke:var(--s${colour})" stroke-dasharray="${dash.join(' ')}"/></svg>${name}</li>`,
  )}</ul>`
}

/** Curves: the page's script draws them with uPlot, from the data beside the picture. */
export function lineFigure(chart: LineChart, id: string): Html {
  const names = chart.series.map(({ name }) => name)
  const colours = coloursFor(names)
  const xs = [...new Set(chart.series.flatMap(({ points }) => points.map(({ x }) => x)))]
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
  const at = chart.series.map(({ points }) => new Map(points.map(point => [point.x, point])))
  const column = (of: (series: number, x: number) => number | undefined) =>
    chart.series.map((_, series) => xs.map(x => of(series, x) ?? null))
  const data: PlotData = {
    x: chart.x,
    y: chart.y,
    xs,
    series: names.map((name, series) => ({ name, colour: colours[series], dash: DASHES[series % DASHES.length] })),
    ys: column((series, x) => at[series].get(x)?.y),
    lows: column((series, x) => at[series].get(x)?.low),
    highs: column((series, x) => at[series].get(x)?.high),
    marks: chart.marks ?? [],
  }
  const hasQuartiles = data.lows.some(values => values.some(value => value !== null))
  return chartFigure(chart, {
    id,
    kind: 'line',
    legend: html`${curveLegend(data)}${hasQuartiles ? html`<p class="axis">Upright strokes span the quartiles of the rounds.</p>` : ''}`,
    picture: html`<div class="plot" data-plot="${id}-data"></div>${jsonIsland(`${id}-data`, data)}<noscript>Curves need JavaScript; the table below has all figures.</noscript>`,
    table: scrollingTable(
      [axisText(chart.x), ...names],
      xs.map((x, row) => [
        { text: figure(x) },
        ...chart.series.map((_, series) => {
          const point = at[series].get(xs[row])
          return { text: point === undefined ? '–' : barText(point, chart.y), isFigure: true }
        }),
      ]),
    ),
  })
}
