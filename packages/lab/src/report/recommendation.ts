import { type Html, html } from '@threadmap/workbench/report/html'
import { choiceName } from '../advice/cases.js'
import { codeLine, importLine } from '../advice/code.js'
import { FACTORS } from '../advice/factors.js'
import { agreementText, goalText, headline, regretText } from '../advice/text.js'
import { type AdviceLeaf, adviceLeaves, adviceOf, type TreeAdvice } from '../advice/tree.js'
import type { RunDocument } from '../document.js'
import { treeFigure } from './charts/tree.js'

/** The first section of the report: which map to take, how sure the advice is, and the tree for other workloads. */
export function recommendationSection(document: RunDocument): Html {
  const advice = adviceOf(document)
  if (advice === undefined) {
    return html`<section class="verdict" id="recommendation"><h2>No recommendation yet</h2><p>It follows from the experiment “mix”, which is not in this run. Run <code>threadmap lab mix</code>, or <code>threadmap lab</code> for everything.</p></section>`
  }
  const leaf = mostCommon(advice)
  const { verdict, ties } = headline(advice)
  return html`<section class="verdict" id="recommendation">
<p class="number">The recommendation</p>
<h2>${verdict}</h2>
${ties === '' ? '' : html`<p class="headline">${ties}</p>`}
<div class="code"><pre id="code-line">${codeOf(leaf)}</pre><button type="button" data-copy="code-line" hidden>copy</button></div>
<p>${regretText(advice.heldOut)} ${goalText(advice)} ${document.settings.quick ? 'This was the quick lab, whose spreads are wide: the full lab tells more maps apart.' : ''}</p>
${treeFigure(advice.tree, 'tree')}
<p class="soft">“=” joins those that the measurements cannot tell apart. “Lost” is how much longer the choice took than the best of a workload, at worst. The tree has seen workloads ${rangesText(advice)}; beyond them it guesses. It was grown to ${advice.crossValidation.leavesBefore} leaves and pruned to ${adviceLeaves(advice.tree).length} by cross-validation in ${advice.crossValidation.folds} folds. ${agreementText(advice)}</p>
<p>For your own workload: <code>threadmap advise --reads 95 --keys 50000</code>, or record it with <code>record(map, file)</code> and ask <code>threadmap advise --trace FILE</code>, which replays it against every map.</p>
</section>`
}

function mostCommon({ tree }: TreeAdvice): AdviceLeaf {
  const leaves = [...adviceLeaves(tree)].sort((a, b) => b.cases - a.cases)
  return leaves.find(({ choice }) => choiceName(choice) !== 'plain Map') ?? leaves[0]
}

function codeOf({ choice }: AdviceLeaf): string {
  const shape = { key: 'string', value: 'f64', capacity: 10_000 }
  return [importLine(choice, shape), codeLine(choice, shape)].filter(Boolean).join('\n')
}

function rangesText({ ranges }: TreeAdvice): string {
  return FACTORS.map(({ name, value }) => {
    const { low, high } = ranges[name]
    return low === high ? `of ${value(low)}` : `from ${value(low)} to ${value(high)}`
  }).join(', ')
}
