/** The decision tree as a picture: drawn from top to bottom on wide screens, an outline on a phone. */
import { coloursFor } from '@threadmap/workbench/report/colours'
import { type Html, html } from '@threadmap/workbench/report/html'
import { leafText } from '../select/text.js'
import { isLeaf, leaves, type TreeLeaf, type TreeNode } from '../select/tree.js'

/** Beyond this many leaves the drawing is too small to read, and wide screens show the outline, too. */
const MOST_LEAVES_DRAWN = 5
/** Names in a leaf; of more, the number of the others is told. */
const MOST_NAMES = 4
const LEAF_WIDTH = 176
const GAP = 14
const LEVEL = 104
const NODE_HEIGHT = 40
/** Pixels of a letter of a question, about. */
const LETTER = 7.4

/** The figure of a tree; nothing for a tree of one leaf, which the headline says already. */
export function treeFigure(tree: TreeNode, id: string): Html {
  const count = leaves(tree).length
  if (count < 2) return html``
  const isDrawn = count <= MOST_LEAVES_DRAWN
  return html`<figure class="chart tree" id="${id}">
<figcaption>Which proxies for which requirements</figcaption>
${isDrawn ? drawing(tree) : ''}
<ul class="${isDrawn ? 'outline narrow' : 'outline'}">${outline(tree, '')}</ul>
</figure>`
}

function outline(node: TreeNode, condition: string): Html {
  const when = condition === '' ? '' : html`<span class="condition">${condition}</span>`
  if (isLeaf(node)) {
    const swatch = isAnswer(node) ? html`<i class="swatch c${colourOf(node)}"></i>` : ''
    return html`<li>${when}<span class="leaf">${swatch}<b>${leafText(node)}</b></span></li>`
  }
  return html`<li>${when}<ul>${outline(node.yes, `${node.title}: required`)}${outline(node.no, `${node.title}: not required`)}</ul></li>`
}

function isAnswer({ outcome }: TreeLeaf): boolean {
  return outcome === 'chosen' || outcome === 'tied'
}

function colourOf({ subjects }: TreeLeaf): number {
  return coloursFor(subjects)[0]
}

/** The lines of a leaf: its head, then the other subjects. */
function linesOf({ outcome, subjects, open }: TreeLeaf): { readonly head: string; readonly rest: readonly string[] } {
  if (outcome === 'none') return { head: 'no subject', rest: [] }
  const isOpen = outcome === 'undecided'
  const names = isOpen ? [...subjects, ...open.filter(name => !subjects.includes(name))] : subjects.slice(1)
  const lines = names.slice(0, MOST_NAMES).map(name => (isOpen ? name : `= ${name}`))
  return {
    head: isOpen ? 'undecided' : subjects[0],
    rest: names.length > MOST_NAMES ? [...lines, `and ${names.length - MOST_NAMES} others`] : lines,
  }
}

/** Places leaves side by side, and each question above the middle of its answers. */
function drawing(tree: TreeNode): Html {
  const parts: Html[] = []
  let nextLeaf = 0
  let deepest = 0
  let leftmost = 0
  let rightmost = 0
  const place = (node: TreeNode, depth: number, because: string): number => {
    const y = depth * LEVEL
    if (isLeaf(node)) {
      const x = GAP / 2 + nextLeaf++ * (LEAF_WIDTH + GAP) + LEAF_WIDTH / 2
      const { head, rest } = linesOf(node)
      const height = 46 + 17 * rest.length
      const left = x - LEAF_WIDTH / 2
      const colour = isAnswer(node) ? colourOf(node) : 6
      parts.push(
        html`<g class="mark" data-read="${because}: ${leafText(node)}"><rect class="node" x="${left}" y="${y}" width="${LEAF_WIDTH}" height="${height}" rx="8"/><rect class="bar c${colour}" x="${left}" y="${y}" width="${LEAF_WIDTH}" height="6" rx="3"/><text class="choice middle" x="${x}" y="${y + 26}">${head}</text>${rest.map((line, at) => html`<text class="tied middle" x="${x}" y="${y + 46 + 17 * at}">${line}</text>`)}</g>`,
      )
      deepest = Math.max(deepest, y + height)
      leftmost = Math.min(leftmost, left)
      rightmost = Math.max(rightmost, left + LEAF_WIDTH)
      return x
    }
    const join = (condition: string) => (because === '' ? condition : `${because}, ${condition}`)
    const yesX = place(node.yes, depth + 1, join(`${node.title} required`))
    const noX = place(node.no, depth + 1, join(`${node.title} not required`))
    const x = (yesX + noX) / 2
    const below = y + NODE_HEIGHT
    const question = `${node.title}?`
    const width = Math.max(120, question.length * LETTER + 24)
    leftmost = Math.min(leftmost, x - width / 2)
    rightmost = Math.max(rightmost, x + width / 2)
    const edge = (to: number, text: string) =>
      html`<path class="edge" d="M${x} ${below} C${x} ${below + 36} ${to} ${below + 24} ${to} ${(depth + 1) * LEVEL}"/><text class="edge-text middle" x="${to + (x - to) * 0.16}" y="${below + 36}">${text}</text>`
    parts.push(
      html`${edge(yesX, 'required')}${edge(noX, 'not required')}<g class="mark" data-read="${question} Required: left, not required: right"><rect class="node question" x="${x - width / 2}" y="${y}" width="${width}" height="${NODE_HEIGHT}" rx="20"/><text class="middle" x="${x}" y="${y + NODE_HEIGHT / 2}">${question}</text></g>`,
    )
    return x
  }
  place(tree, 0, '')
  const width = rightmost - leftmost + 4
  const alternative = leaves(tree).map(leafText).join('; ')
  return html`<div class="picture wide" tabindex="0" role="img" aria-roledescription="decision tree" aria-label="Decision tree. Its leaves, from left to right: ${alternative}" data-kind="tree"><svg viewBox="${leftmost - 2} -2 ${width} ${deepest + 4}" style="max-width:${width}px" width="100%" aria-hidden="true">${parts}</svg></div>
<p class="readout wide" role="status"></p>`
}
