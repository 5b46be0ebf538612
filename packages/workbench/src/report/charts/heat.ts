import type { HeatMap } from '../../experiment.js'
import { quantile } from '../../statistics.js'
import { axisText, figure, type Scale, scaleOver, withUnit } from '../figures.js'
import { type Html, html } from '../html.js'
import { chartFigure, scrollingTable } from './frame.js'

const CELL = 24
/** Above this many columns a cell on a phone has no room for its figure. */
const MOST_COLUMNS_WITH_TEXT = 12
/** Tukey's fence, in interquartile ranges above the upper quartile: a cell beyond it would leave no range of colours for the others. */
const FENCE = 1.5

export function heatFigure(chart: HeatMap, id: string): Html {
  const { columns, rows, cells, value } = chart
  const all = cells.flat().filter((cell): cell is number => cell !== null && Number.isFinite(cell))
  const isLog = value.scale === 'log' && all.some(cell => cell > 0)
  const [lower, upper] = [quantile(all, 0.25), quantile(all, 0.75)]
  const fence = upper + FENCE * (upper - lower)
  const inside = isLog ? all : all.filter(cell => cell <= fence)
  const scale = scaleOver(inside, isLog, false)
  const isCut = inside.length < all.length
  const width = 100 / Math.max(1, columns.length)
  const isVertical = columns.some(({ length }) => length > (columns.length > 6 ? 3 : 8))
  const heading = isVertical ? Math.min(150, 12 + 6.6 * Math.max(...columns.map(({ length }) => length))) : 20
  const header = html`<svg class="heat-head" width="100%" height="${heading.toFixed(0)}" aria-hidden="true">${columns.map(
    (name, at) =>
      isVertical
        ? html`<svg x="${((at + 0.5) * width).toFixed(2)}%" y="${(heading - 5).toFixed(0)}" overflow="visible"><text class="name" transform="rotate(-90)" y="0">${name}</text></svg>`
        : html`<text class="name middle" x="${((at + 0.5) * width).toFixed(2)}%" y="${heading / 2}">${name}</text>`,
  )}</svg>`
  const body = rows.map(
    (name, row) =>
      html`<div class="group"><div class="label">${name}</div><svg width="100%" height="${CELL}" aria-hidden="true">${columns.map((column, at) => cellOf(cells[row]?.[at] ?? null, at, `${name}, ${column}`))}</svg></div>`,
  )

  function cellOf(cell: number | null, at: number, where: string): Html {
    const x = (at * width).toFixed(2)
    if (cell === null || !Number.isFinite(cell)) {
      return html`<g class="mark" data-read="${where}: no value" data-value=""><rect class="empty" x="${x}%" width="${width.toFixed(2)}%" height="${CELL}"/></g>`
    }
    const share = scale.at(cell)
    return html`<g class="mark" data-read="${where}: ${withUnit(cell, value)}" data-value="${cell}"><rect class="cell" style="--share:${(share * 100).toFixed(1)}%" x="${x}%" width="${width.toFixed(2)}%" height="${CELL}"/>${columns.length <= MOST_COLUMNS_WITH_TEXT ? html`<text class="${share > 0.5 ? 'value on-high' : 'value'} middle" x="${((at + 0.5) * width).toFixed(2)}%" y="${CELL / 2}">${short(cell)}</text>` : ''}</g>`
  }

  return chartFigure(chart, {
    id,
    kind: 'heat',
    legend: html`<p class="axis">${axisText(value)} ${ramp(scale, isCut)}</p>`,
    picture: html`${header}${body}`,
    table: scrollingTable(
      ['', ...columns],
      rows.map((name, row) => [
        { text: name },
        ...columns.map((_, column) => {
          const cell = cells[row]?.[column] ?? null
          return { text: cell === null ? '–' : withUnit(cell, value), isFigure: true }
        }),
      ]),
    ),
  })
}

function ramp({ low, high, isLog }: Scale, isCut: boolean): Html {
  return html`<span class="ramp"><span>${figure(low)}</span><i></i><span>${figure(high)}${isCut ? ' and more' : ''}${isLog ? ', logarithmic' : ''}</span></span>`
}

/** The value in two or three characters, for a narrow cell. */
function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${(value / 1e6).toFixed(0)}M`
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)}k`
  if (size >= 10 || value === 0) return value.toFixed(0)
  return size >= 1 ? value.toFixed(1) : value.toFixed(2).replace(/^(-?)0/, '$1')
}
