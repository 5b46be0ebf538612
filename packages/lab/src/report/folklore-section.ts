import type { BeliefFinding, Verdict } from '@threadmap/workbench/experiment'
import { anchor, type Html, html } from '@threadmap/workbench/report/html'
import type { RunDocument } from '../document.js'
import { FOLKLORE } from '../folklore.js'

type Standing = Verdict | 'not tested'

const SIGNS: Readonly<Record<Standing, { sign: string; style: string }>> = {
  holds: { sign: '✓', style: 'holds' },
  'does not hold': { sign: '✗', style: 'fails' },
  'cannot tell': { sign: '?', style: 'unsure' },
  'not tested': { sign: '–', style: 'untested' },
}

/** A belief with the verdicts of this run's experiments; `experiment` names the section of each verdict. */
interface Judged {
  readonly experiment: string
  readonly finding: BeliefFinding
}

/** Each belief beside this machine's figures. */
export function folkloreSection(document: RunDocument): Html {
  const judged = document.experiments.flatMap((record): Judged[] =>
    record.status === 'finished' ? record.beliefs.map(finding => ({ experiment: record.name, finding })) : [],
  )
  const rows = FOLKLORE.map(belief => {
    const own = judged.filter(({ finding }) => finding.belief === belief.id)
    return { belief, own, standing: standingOf(own) }
  })
  const tally = (Object.keys(SIGNS) as Standing[]).map(standing => ({
    standing,
    count: rows.filter(row => row.standing === standing).length,
  }))
  return html`<section id="beliefs">
<h2>Folklore, and what this machine says</h2>
<p class="soft">Sayings and figures that circulate about concurrent maps. Times of other machines are not compared, only ratios and orders.</p>
<p class="tally">${tally.filter(({ count }) => count > 0).map(({ standing, count }) => html`<span>${badge(standing, `${count} ${standing}`)}</span>`)}</p>
<div class="beliefs">${rows.map(
    ({ belief, own, standing }) => html`<article class="belief" id="belief-${belief.id}">${badge(standing, standing)}
<h3>${belief.id}. ${belief.title}</h3>
<p class="told">As told: ${belief.stated}.</p>
${own.length === 0 ? html`<p class="soft">No finished experiment of this run is about it.</p>` : own.map(({ experiment, finding }) => html`<p>Here: ${finding.measured} (<a href="#${anchor('experiment', experiment)}">${experiment}</a>${own.length > 1 ? `: ${finding.verdict}` : ''}).</p>`)}</article>`,
  )}</div>
</section>`
}

/** The verdict of several experiments together: a belief does not hold if one of them says so. */
function standingOf(judged: readonly Judged[]): Standing {
  const verdicts = judged.map(({ finding }) => finding.verdict)
  if (verdicts.includes('does not hold')) return 'does not hold'
  if (verdicts.includes('holds')) return 'holds'
  return verdicts.length > 0 ? 'cannot tell' : 'not tested'
}

function badge(standing: Standing, text: string): Html {
  const { sign, style } = SIGNS[standing]
  return html`<span class="badge ${style}"><span aria-hidden="true">${sign}</span>${text}</span>`
}
