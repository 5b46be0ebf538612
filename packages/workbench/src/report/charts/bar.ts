import type { Bar, BarChart } from '../../experiment.js'
import { coloursFor } from '../colours.js'
import { axisText, barText, figure, type Scale, scaleOver, withUnit } from '../figures.js'
import { type Html, html } from '../html.js'
import { chartFigure, legendOf, scrollingTable } from './frame.js'

/** Characters of a label beside its bar at most. A longer label is above the bar, since it would leave no room on a phone. */
const LONGEST_BESIDE = 14
/** Width of a character, as a share of a phone's width. */
const CHARACTER = 2.9
/** Characters of a unit behind a bar at most. A longer unit is in the axis only, since it would leave a phone's screen. */
const LONGEST_UNIT = 5
const ROW = 26
const BAR = 16

/**
 * Horizontal bars, with their height in px and the width of the page: all widths are percentages, so that text keeps its
 * size on a phone.
 */
export function barFigure(chart: BarChart, id: string): Html {
  const { categories, series, y } = chart
  const colours = coloursFor(series.map(({ name }) => name))
  const values = series.flatMap(({ values }) =>
    values.flatMap(bar => (bar === null || bar.y === null ? [] : [bar.y, bar.high ?? bar.y])),
  )
  const scale = scaleOver(values, y.scale === 'log', true)
  const isGrouped = series.length > 1
  const labels = isGrouped ? series.map(({ name }) => name) : categories
  const longest = Math.max(...labels.map(({ length }) => length))
  const isBeside = longest <= LONGEST_BESIDE
  const column = isBeside ? Math.max(12, Math.round(longest * CHARACTER)) : 0
  const row = (category: number, of: number): Html => {
    const bar = valueAt(chart, of, category)
    const label = isGrouped ? series[of].name : categories[category]
    const read = `${[categories[category], ...(isGrouped ? [series[of].name] : [])].join(', ')}: ${bar === null ? 'no value' : barText(bar, y)}`
    return html`${isBeside ? '' : html`<div class="label">${label}</div>`}<svg class="bars" width="100%" height="${ROW}" aria-hidden="true"><g class="mark" data-read="${read}" data-value="${bar?.y ?? ''}"><rect class="hit" width="100%" height="${ROW}"/>${isBeside ? html`<text class="name" x="0" y="${ROW / 2}">${label}</text>` : ''}<svg x="${column}%" width="${82 - column}%" height="${ROW}" overflow="visible">${bar === null ? html`<text class="value" x="0" dx="4" y="${ROW / 2}">no value</text>` : drawn(bar, scale, colours[of], y.unit.length > LONGEST_UNIT ? figure(bar.y) : withUnit(bar.y, y))}</svg></g></svg>`
  }
  const groups = categories.map(
    (name, category) =>
      html`<div class="group">${isGrouped ? html`<div class="label">${name}</div>` : ''}${series.map((_, of) => row(category, of))}</div>`,
  )
  return chartFigure(chart, {
    id,
    kind: 'bar',
    legend: html`<p class="axis">${axisText(y)}${scale.isLog ? `, logarithmic from ${figure(scale.low)}` : ''}${hasQuartiles(chart) ? '; the thin line spans the quartiles of the rounds' : ''}</p>${isGrouped && !isBeside ? legendOf(labels, colours) : ''}`,
    picture: groups,
    table: scrollingTable(
      ['', ...series.map(({ name }) => name)],
      categories.map((name, category) => [
        { text: name },
        ...series.map((_, of) => {
          const bar = valueAt(chart, of, category)
          return { text: bar === null ? '–' : barText(bar, y), isFigure: true }
        }),
      ]),
    ),
  })
}

/** Whether a value is present and finite. (NaN and infinities become null in JSON.) */
function valueAt({ series }: BarChart, of: number, category: number): Bar | null {
  const bar = series[of].values[category] ?? null
  return bar !== null && Number.isFinite(bar.y) ? bar : null
}

function hasQuartiles({ series }: BarChart): boolean {
  return series.some(({ values }) => values.some(bar => bar?.low != null && bar.high != null))
}

function drawn({ y, low, high }: Bar, scale: Scale, colour: number, text: string): Html {
  const middle = ROW / 2
  const at = (value: number) => `${(scale.at(value) * 100).toFixed(2)}%`
  const end = Math.max(y, high ?? y, 0)
  // Bars of negative values go from zero to the left.
  const [from, to] = scale.isLog ? [0, scale.at(y)] : [scale.at(Math.min(0, y)), scale.at(Math.max(0, y))]
  const whisker =
    low == null || high == null
      ? ''
      : html`<line class="whisker" x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}"/>`
  return html`<rect class="bar c${colour}" x="${(from * 100).toFixed(2)}%" width="${((to - from) * 100).toFixed(2)}%" y="${(ROW - BAR) / 2}" height="${BAR}" rx="3"/>${whisker}<text class="value" x="${at(end)}" dx="6" y="${middle}">${text}</text>`
}
