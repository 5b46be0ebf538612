import type { Evidence } from '@threadmap/workbench/evidence'
import { barFigure } from '@threadmap/workbench/report/charts/bar'
import { scrollingTable } from '@threadmap/workbench/report/charts/frame'
import { figure } from '@threadmap/workbench/report/figures'
import { type Html, html } from '@threadmap/workbench/report/html'
import { page } from '@threadmap/workbench/report/page'
import type { RunDocument } from '../document.js'
import type { Change } from './change.js'
import { changesOf, compareRuns, comparisonFindings } from './comparison.js'
import { answersText, type ChangedConclusion } from './conclusions.js'

/** Changes in the picture at most; the table has all. */
const MOST_IN_PICTURE = 12

export function changesSection(before: RunDocument, after: RunDocument): Html {
  const comparison = compareRuns(before, after)
  const [first, ...rest] = comparisonFindings(comparison)
  const changes = changesOf(comparison)
  return html`<section id="changes">
<p class="number">${before.startedAt.slice(0, 16).replace('T', ' ')} against ${after.startedAt.slice(0, 16).replace('T', ' ')} UTC</p>
<h2>What changed between two runs</h2>
<p class="headline">${first}</p>
${rest.length === 0 ? '' : html`<ul class="findings">${rest.map(text => html`<li>${text}</li>`)}</ul>`}
${comparison.conclusions.changed.length === 0 ? '' : conclusionTable(comparison.conclusions.changed)}
${changes.length === 0 ? '' : picture(changes)}
${changes.length === 0 ? '' : html`<details><summary>All ${changes.length} changes beyond the noise</summary>${changeTable(changes, 'Changes beyond the noise')}</details>`}
<details><summary>All ${comparison.figures.length} figures that both runs have</summary>${changeTable(comparison.figures, 'All figures of both')}</details>
<p class="soft">A figure counts as changed when the means of its rounds’ logarithms differ by Welch’s test at 99.9% and the medians differ by more than 5% (with fewer than four rounds: when the quartiles do not overlap and the medians differ by 20%). A conclusion should not have changed when each run, on one machine with the same settings, ruled the other’s answer out.</p>
</section>`
}

/** A page that has the comparison only. */
export function comparisonPage(before: RunDocument, after: RunDocument): string {
  return page(
    'threadmap lab: two runs compared',
    html`<h1>threadmap lab: two runs compared</h1><p>${machineText(before)} – ${machineText(after)}</p>`,
    changesSection(before, after),
  )
}

function machineText({ machine, startedAt, settings }: RunDocument): string {
  return `${startedAt.slice(0, 16).replace('T', ' ')} (${machine.cpu}, ${machine.cores} cores, Node ${machine.node}${settings.quick ? ', quick' : ''})`
}

function conclusionTable(changed: readonly ChangedConclusion[]): Html {
  return scrollingTable(
    ['conclusion', 'before', 'after', '', 'why'],
    changed.map(({ experiment, before, after, isContradiction, shouldNot, why }) => [
      { text: `${experiment}: ${after.question}` },
      { text: answersText(before) },
      { text: answersText(after) },
      {
        text: shouldNot
          ? html`<span class="fails">should not have changed</span>`
          : isContradiction
            ? 'changed'
            : 'within a tie',
      },
      { text: why },
    ]),
    'Conclusions that changed',
  )
}

function picture(changes: readonly Change[]): Html {
  const shown = changes.slice(0, MOST_IN_PICTURE)
  return barFigure(
    {
      id: 'changes',
      kind: 'bar',
      title: `The ${shown.length === changes.length ? '' : `${shown.length} largest `}changes, before and after`,
      alternative: shown.map(({ after, ratio }) => `${nameOf(after)}: ${figure(ratio)} times`).join('; '),
      categories: shown.map(
        ({ before, after, ratio }) =>
          `${nameOf(after)}: ${figure(before.value)} → ${figure(after.value)} ${after.unit}, × ${figure(ratio)}`,
      ),
      y: { label: 'share of the larger of the two', unit: '%' },
      series: (['before', 'after'] as const).map(name => ({
        name,
        values: shown.map(change => {
          const most = Math.max(change.before.spread.high, change.after.spread.high)
          const { value, spread } = change[name]
          return { y: (100 * value) / most, low: (100 * spread.low) / most, high: (100 * spread.high) / most }
        }),
      })),
    },
    'chart--changes',
  )
}

function nameOf({ experiment, subject, workload, metric }: Evidence): string {
  return `${experiment}: ${subject}, ${workload}, ${metric}`
}

function changeTable(changes: readonly Change[], caption: string): Html {
  return scrollingTable(
    ['what', 'before', 'after', 'after / before', ''],
    changes.map(({ before, after, ratio, isChange, isBetter }) => [
      { text: nameOf(after) },
      { text: valueText(before), isFigure: true },
      { text: valueText(after), isFigure: true },
      { text: Number.isFinite(ratio) ? `× ${figure(ratio)}` : '–', isFigure: true },
      {
        text: !isChange
          ? 'within the noise'
          : isBetter === undefined
            ? 'changed'
            : isBetter
              ? html`<span class="holds">better</span>`
              : html`<span class="fails">worse</span>`,
      },
    ]),
    caption,
  )
}

function valueText({ value, unit, spread: { low, high } }: Evidence): string {
  return `${figure(value)} ${unit} (${figure(low)} – ${figure(high)})`
}
