/** `npm run repeat`: asks the lab the same questions again and again, each time in a new process, and says whether the answers repeat. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { RunDocument } from '@threadmap/lab'
import { broken, judgeRuns, LEAST_AGREEMENT, percent, tableOf, treesAgree } from './judge.js'
import { type Asked, ask, askForTree, QUESTIONS, writeTrace } from './questions.js'

const USAGE = `npm run repeat -- [--runs N] [--only PATTERN] [--trees N [--full]] [--out FILE] [--from FILE]
  --runs    how often each question is asked (20)
  --only    the questions whose name matches
  --trees   runs the quick mix that often as well, and says whether the trees agree (0); --full: the full mix
  --out     keeps the figures of all runs in FILE, as JSON
  --from    judges the runs that FILE has, and asks nothing
  code 1: two sure answers contradict each other, or too few intervals or A/A pairs do what they should`

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    only: { type: 'string', default: '' },
    trees: { type: 'string', default: '0' },
    full: { type: 'boolean', default: false },
    out: { type: 'string' },
    from: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
if (values.help || !(Number.isInteger(runs) && runs > 0)) {
  console.log(USAGE)
  process.exit(values.help ? 0 : 2)
}

type Kept = Record<string, Asked[]>

async function asked(): Promise<Kept> {
  const questions = QUESTIONS.filter(({ name }) => new RegExp(values.only).test(name))
  const kept: Kept = Object.fromEntries(questions.map(({ name }) => [name, []]))
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-repeat-'))
  try {
    writeTrace(folder)
    // The questions take turns, so that the runs of each are spread over the time.
    for (let run = 1; run <= runs; run++) {
      for (const question of questions) {
        const began = performance.now()
        const one = await ask(question, folder)
        kept[question.name].push(one)
        const seconds = (performance.now() - began) / 1000
        console.log(`run ${run} of ${runs}, ${question.name}: ${one.answer} (${seconds.toFixed(0)} s)`)
        if (values.out !== undefined) writeFileSync(values.out, JSON.stringify(kept))
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return kept
}

/** Fits the tree again and again, each time to a run of its own. */
async function trees(count: number): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-repeat-'))
  try {
    const documents: RunDocument[] = []
    while (documents.length < count) documents.push(await askForTree(folder, values.full))
    const { workloads, agree } = treesAgree(documents)
    const share = agree / workloads
    console.log(
      `${count} trees agree on ${percent(share)} of the held-out workloads, pair by pair (${agree} of ${workloads})`,
    )
    return share < LEAST_AGREEMENT ? [`trees agree on ${percent(share)} of the held-out workloads only`] : []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const kept = values.from === undefined ? await asked() : (JSON.parse(readFileSync(values.from, 'utf8')) as Kept)
const all = Object.entries(kept).map(([name, each]) => judgeRuns(name, each))
console.log(`\n${tableOf(all)}\n`)
const faults = broken(all)
if (Number(values.trees) > 1) faults.push(...(await trees(Number(values.trees))))
for (const fault of faults) console.log(`broken: ${fault}`)
process.exitCode = faults.length > 0 ? 1 : 0
