import type { Verdict } from '@threadmap/workbench/experiment'
import { scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { figure } from '@threadmap/workbench/report/figures'
import { type Html, html } from '@threadmap/workbench/report/html'
import { CLAIMS } from '../rows/claims.js'
import { titleOf } from '../rows/metrics.js'
import { publishedRows } from '../rows/published.js'
import type { MeshRow } from '../rows/row.js'
import type { RowTable } from '../select/table.js'

type Standing = Verdict | 'known error' | 'not tested'

const SIGNS: Readonly<Record<Standing, { readonly sign: string; readonly style: string }>> = {
  holds: { sign: '✓', style: 'holds' },
  'does not hold': { sign: '✗', style: 'fails' },
  'known error': { sign: '✗', style: 'fails' },
  'cannot tell': { sign: '?', style: 'unsure' },
  'not tested': { sign: '–', style: 'untested' },
}

/** Each saying about meshes beside this machine's figures, then the published and supplied rows, which no measured ranking has. */
export function claimsSection(table: RowTable, supplied: readonly MeshRow[] = []): Html {
  const claims = CLAIMS.map(claim => {
    const finding = claim.judge(table)
    const isError = claim.error?.startsWith('A known error') === true
    const standing: Standing = isError ? 'known error' : (finding?.verdict ?? 'not tested')
    return { claim, finding, standing }
  })
  const tally = (Object.keys(SIGNS) as Standing[])
    .map(standing => ({ standing, count: claims.filter(each => each.standing === standing).length }))
    .filter(({ count }) => count > 0)
  return html`<section id="claims">
<h2>What is said about meshes, and what this machine says</h2>
<p class="soft">Published figures come from other machines, versions and loads: they are shown beside what was measured here, and decide nothing. The guide’s tables of P95, control plane, memory, handshake, canary time, FIPS and cost are left out, because their figures are not known here.</p>
<p class="tally">${tally.map(({ standing, count }) => html`<span>${badge(standing, `${count} ${standing}`)}</span>`)}</p>
<div class="beliefs">${claims.map(
    ({ claim, finding, standing }) => html`<article class="belief" id="claim-${claim.id}">${badge(standing, standing)}
<h3>${claim.id}. ${claim.title}</h3>
<p class="told">As told by ${claim.by}: ${claim.stated}.</p>
<p${claim.error === undefined && finding === undefined ? html` class="soft"` : ''}>${claim.error} ${finding === undefined ? (claim.error === undefined ? 'No measured row of this run is about it.' : '') : `Here: ${finding.measured}.`}</p></article>`,
  )}</div>
<h3>Published rows</h3>
${rowsTable(publishedRows(), 'published rows')}
${supplied.length === 0 ? '' : html`<h3>Supplied rows</h3>${rowsTable(supplied, 'supplied rows')}`}
</section>`
}

function badge(standing: Standing, text: string): Html {
  const { sign, style } = SIGNS[standing]
  return html`<span class="badge ${style}"><span aria-hidden="true">${sign}</span>${text}</span>`
}

/** Rows with their origin: what they say, of what, by whom and when. */
export function rowsTable(rows: readonly MeshRow[], caption: string): Html {
  return scrollingTable(
    ['subject', 'metric', 'value', 'workload', 'source', 'date'],
    rows.map(row => [
      { text: [row.subject, row.version].filter(Boolean).join(' ') },
      { text: titleOf(row.metric) },
      { text: typeof row.value === 'number' ? `${figure(row.value)} ${row.unit}`.trimEnd() : row.value },
      { text: row.workload ?? '–' },
      { text: row.source },
      { text: row.date },
    ]),
    caption,
  )
}
