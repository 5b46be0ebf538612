import { coloursFor } from '@threadmap/workbench/report/colours'
import { type Html, html } from '@threadmap/workbench/report/html'
import { choiceName } from '../../advice/cases.js'
import { factor } from '../../advice/factors.js'
import { leafEvidence, leafNames, percent } from '../../advice/text.js'
import { type AdviceNode, adviceLeaves, isLeaf } from '../../advice/tree.js'

/** Beyond this many leaves the drawing is too small to read, and wide screens show the outline, too. */
const MOST_LEAVES_DRAWN = 6
const LEAF_WIDTH = 168
const GAP = 14
const LEVEL = 104
const NODE_HEIGHT = 40

/** The decision tree: drawn from top to bottom on wide screens, an outline on a phone. */
export function treeFigure(tree: AdviceNode, id: string): Html {
  const leaves = adviceLeaves(tree).length
  const isDrawn = leaves > 1 && leaves <= MOST_LEAVES_DRAWN
  return html`<figure class="chart tree" id="${id}">
<figcaption>Which map for which workload</figcaption>
${isDrawn ? drawing(tree) : ''}
<ul class="${isDrawn ? 'outline narrow' : 'outline'}">${outline(tree, '')}</ul>
</figure>`
}

function outline(node: AdviceNode, condition: string): Html {
  const when = condition === '' ? '' : html`<span class="condition">${condition}</span>`
  if (isLeaf(node)) {
    return html`<li>${when}<span class="leaf"><i class="swatch c${coloursFor([node.choice])[0]}"></i><b>${leafNames(node)}</b><small>${leafEvidence(node)}</small></span></li>`
  }
  const { low, high } = factor(node.factor).text(node.threshold)
  return html`<li>${when}<ul>${outline(node.low, low)}${outline(node.high, high)}</ul></li>`
}

/** Places leaves side by side, and each question above the middle of its answers. */
function drawing(tree: AdviceNode): Html {
  const parts: Html[] = []
  let nextLeaf = 0
  let deepest = 0
  const place = (node: AdviceNode, depth: number, because: string): number => {
    deepest = Math.max(deepest, depth)
    const y = depth * LEVEL
    if (isLeaf(node)) {
      const x = GAP / 2 + nextLeaf++ * (LEAF_WIDTH + GAP) + LEAF_WIDTH / 2
      const names = [node.choice, ...node.tied].map(choiceName)
      const rest = names.length > 4 ? `= ${names.length - 1} others` : ''
      const lines = rest === '' ? names.slice(1).map(name => `= ${name}`) : [rest]
      const height = 56 + 17 * lines.length
      const read = `${because === '' ? 'Always' : because}: ${leafNames(node)} (${leafEvidence(node)})`
      parts.push(
        html`<g class="mark" data-read="${read}"><rect class="node" x="${x - LEAF_WIDTH / 2}" y="${y}" width="${LEAF_WIDTH}" height="${height}" rx="8"/><rect class="bar c${coloursFor([node.choice])[0]}" x="${x - LEAF_WIDTH / 2}" y="${y}" width="${LEAF_WIDTH}" height="6" rx="3"/><text class="choice middle" x="${x}" y="${y + 24}">${names[0]}</text>${lines.map((line, at) => html`<text class="tied middle" x="${x}" y="${y + 42 + 17 * at}">${line}</text>`)}<text class="soft middle" x="${x}" y="${y + height - 12}">${node.all.cases} workloads, ≤ ${percent(node.all.worst ?? 0)} lost</text></g>`,
      )
      depthPixels = Math.max(depthPixels, y + height)
      return x
    }
    const { question, low, high } = factor(node.factor).text(node.threshold)
    const join = (condition: string) => (because === '' ? condition : `${because}, ${condition}`)
    const lowX = place(node.low, depth + 1, join(low))
    const highX = place(node.high, depth + 1, join(high))
    const x = (lowX + highX) / 2
    const below = y + NODE_HEIGHT
    const width = Math.max(120, question.length * 7.4 + 24)
    const edge = (to: number, text: string) =>
      html`<path class="edge" d="M${x} ${below} C${x} ${below + 36} ${to} ${below + 24} ${to} ${(depth + 1) * LEVEL}"/><text class="edge-text middle" x="${to + (x - to) * 0.16}" y="${below + 36}">${text}</text>`
    parts.push(
      html`${edge(lowX, 'yes')}${edge(highX, 'no')}<g class="mark" data-read="${because === '' ? '' : `${because}: `}${question} yes: left, no: right"><rect class="node question" x="${x - width / 2}" y="${y}" width="${width}" height="${NODE_HEIGHT}" rx="20"/><text class="middle" x="${x}" y="${y + NODE_HEIGHT / 2}">${question}</text></g>`,
    )
    return x
  }
  let depthPixels = 0
  place(tree, 0, '')
  const leaves = adviceLeaves(tree)
  const width = leaves.length * (LEAF_WIDTH + GAP)
  const least = Math.max(width, 340)
  const alternative = leaves.map(leaf => leafNames(leaf)).join('; ')
  return html`<div class="picture wide" tabindex="0" role="img" aria-roledescription="decision tree" aria-label="Decision tree. Its leaves, from left to right: ${alternative}" data-kind="tree"><svg viewBox="${(width - least) / 2} -2 ${least} ${depthPixels + 4}" style="max-width:${least}px" width="100%" aria-hidden="true">${parts}</svg></div>
<p class="readout wide" role="status"></p>`
}
