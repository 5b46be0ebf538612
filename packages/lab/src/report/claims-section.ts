import { CLAIMS, type ClaimFinding, type Verdict } from '../claims.js'
import type { RunDocument } from '../document.js'
import { anchor, type Html, html } from './html.js'

type Standing = Verdict | 'not tested'

const SIGNS: Readonly<Record<Standing, { sign: string; style: string }>> = {
  holds: { sign: '✓', style: 'holds' },
  'does not hold': { sign: '✗', style: 'fails' },
  'cannot tell': { sign: '?', style: 'unsure' },
  'not tested': { sign: '–', style: 'untested' },
}

/** A claim with what this run's experiments say about it; `experiment` says where that stands. */
interface Judged {
  readonly experiment: string
  readonly finding: ClaimFinding
}

/** Each piece of folklore beside what this machine measured. */
export function claimsSection(document: RunDocument): Html {
  const judged = document.experiments.flatMap((record): Judged[] =>
    record.status === 'finished' ? record.claims.map(finding => ({ experiment: record.name, finding })) : [],
  )
  const rows = CLAIMS.map(claim => {
    const own = judged.filter(({ finding }) => finding.claim === claim.id)
    return { claim, own, standing: standingOf(own) }
  })
  const tally = (Object.keys(SIGNS) as Standing[]).map(standing => ({
    standing,
    count: rows.filter(row => row.standing === standing).length,
  }))
  return html`<section id="claims">
<h2>Folklore, and what this machine says</h2>
<p class="soft">Sayings and figures that circulate about concurrent maps. Times of other machines are not compared, only ratios and orders.</p>
<p class="tally">${tally.filter(({ count }) => count > 0).map(({ standing, count }) => html`<span>${badge(standing, `${count} ${standing}`)}</span>`)}</p>
<div class="claims">${rows.map(
    ({ claim, own, standing }) => html`<article class="claim" id="claim-${claim.id}">${badge(standing, standing)}
<h3>${claim.id}. ${claim.title}</h3>
<p class="told">As told: ${claim.stated}.</p>
${own.length === 0 ? html`<p class="soft">No finished experiment of this run is about it.</p>` : own.map(({ experiment, finding }) => html`<p>Here: ${finding.measured} (<a href="#${anchor('experiment', experiment)}">${experiment}</a>${own.length > 1 ? `: ${finding.verdict}` : ''}).</p>`)}</article>`,
  )}</div>
</section>`
}

/** What several experiments say together: where one is against it, it does not hold. */
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
