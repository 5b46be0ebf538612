import type { Chart } from '../../experiment.js'
import { type Content, type Html, html } from '../html.js'

/**
 * The frame of all charts: a title, a picture that the keyboard reaches, a line that shows the mark under the
 * finger, the mouse or the arrow keys, and the figures as a table.
 */
export function chartFigure(
  { title, alternative }: Pick<Chart, 'title' | 'alternative'>,
  { id, kind, picture, legend, table }: { id: string; kind: string; picture: Content; legend?: Content; table: Html },
): Html {
  return html`<figure class="chart ${kind}" id="${id}">
<figcaption>${title}</figcaption>
${legend}
<div class="picture" tabindex="0" role="img" aria-roledescription="chart" aria-label="${title}. ${alternative}" aria-describedby="${id}-hint" data-kind="${kind}">${picture}</div>
<p class="readout" id="${id}-read" role="status"></p>
<p class="hint" id="${id}-hint">Tap, point, or use the arrow keys to read single values.</p>
<details><summary>These figures as a table</summary>${table}</details>
</figure>`
}

export function legendOf(names: readonly string[], colours: readonly number[]): Html {
  return html`<ul class="legend">${names.map((name, at) => html`<li><i class="swatch c${colours[at]}"></i>${name}</li>`)}</ul>`
}

/** A table that scrolls by itself where it is wider than the page. */
export function scrollingTable(head: readonly Content[], rows: readonly (readonly Cell[])[], caption?: string): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption ?? 'table'}"><table>
${caption === undefined ? '' : html`<caption>${caption}</caption>`}
<thead><tr>${head.map(cell => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(row => html`<tr>${row.map(tableCell)}</tr>\n`)}</tbody></table></div>`
}

export interface Cell {
  readonly text: Content
  readonly isFigure?: boolean
}

/** Text longer than this gets a wider column, rather than a tower of single words. */
const LONG = 30

function tableCell({ text, isFigure }: Cell, at: number): Html {
  if (isFigure) return html`<td class="figure">${text}</td>`
  const width = typeof text === 'string' && text.length > LONG ? 'long' : ''
  return at === 0 ? html`<th scope="row" class="${width}">${text}</th>` : html`<td class="${width}">${text}</td>`
}
