import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UsageError, WorkbenchError } from '@threadmap/workbench/errors'
import { writeAtomically } from '@threadmap/workbench/files'
import { figure } from '@threadmap/workbench/report/figures'
import { pc } from '@threadmap/workbench/terminal/colour'
import { Argument, Command } from 'commander'
import { headline } from '../advice/text.js'
import { adviceOf } from '../advice/tree.js'
import { DEFAULT_FOLDER, type RunDocument, readDocument } from '../document.js'
import { RunFolder } from '../run-folder.js'
import { changesOf, compareRuns, comparisonFindings } from './comparison.js'
import { comparisonPage } from './comparison-section.js'
import { type ChangedConclusion, conclusionText } from './conclusions.js'
import { reportPath, writeReport } from './report.js'

interface Flags {
  out?: string
  compare?: string[]
}

/** The number of changes that are printed; the page has all. */
const MOST_PRINTED = 12

export function reportCommand(): Command {
  return new Command('report')
    .summary('draw what the lab found as one HTML file')
    .description(
      'Makes one self-contained HTML file of a run: the recommendation, each experiment with its charts and tables, and ' +
        'the verdicts on the folklore. With --compare it compares two runs.',
    )
    .addArgument(new Argument('[run]', "a run's folder, or its run.json").default(DEFAULT_FOLDER))
    .option('--out <file>', 'file to write (default: report.html beside the run; comparison.html beside B)')
    .option('--compare <run...>', 'compare the runs A and B: show the changes beyond the noise')
    .action((run: string, flags: Flags) =>
      flags.compare === undefined ? draw(run, flags) : compare(flags.compare, flags),
    )
}

/** Draws a run, and prints its recommendation and the path of the page. */
export function draw(run: string, { out }: { out?: string } = {}): void {
  const document = readDocument(run)
  const folder = folderOf(run)
  const path = resolve(out ?? reportPath(folder))
  drawing(run, () => writeReport(document, path, { previous: previousOf(folder, document) }))
  const advice = adviceOf(document)
  if (advice !== undefined) {
    const { verdict, ties } = headline(advice)
    process.stdout.write(`${[pc.bold(verdict), ties].filter(Boolean).join(' ')}\n`)
  }
  process.stdout.write(`Report: ${pathToFileURL(path).href}\n`)
}

function compare(runs: readonly string[], { out }: Flags): void {
  if (runs.length !== 2) throw new UsageError(`--compare takes two runs, not ${runs.length}; give --compare A B`)
  const [a, b] = runs
  const [before, after] = [readDocument(a), readDocument(b)]
  const path = resolve(out ?? join(folderOf(b), 'comparison.html'))
  const comparison = drawing(runs.join(' or '), () => {
    writeAtomically(path, comparisonPage(before, after))
    return compareRuns(before, after)
  })
  const changes = changesOf(comparison)
  const lines = [
    ...comparisonFindings(comparison).map((text, at) => (at === 0 ? pc.bold(text) : text)),
    ...conclusionLines(comparison.conclusions.changed),
    ...changes.slice(0, MOST_PRINTED).map(change => {
      const { experiment, subject, workload, metric, unit } = change.after
      const judged = change.isBetter === undefined ? 'changed' : change.isBetter ? pc.green('better') : pc.red('worse')
      return `  ${judged} x${figure(change.ratio)}  ${experiment}: ${subject}, ${workload}, ${metric}: ${figure(change.before.value)} -> ${figure(change.after.value)} ${unit}`
    }),
    ...(changes.length > MOST_PRINTED ? [`  and ${changes.length - MOST_PRINTED} more, in the page`] : []),
    `Comparison: ${pathToFileURL(path).href}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The conclusions that changed, those that should not have first. */
function conclusionLines(changed: readonly ChangedConclusion[]): string[] {
  const shown = changed.slice(0, MOST_PRINTED).map(each => {
    const judged = each.shouldNot
      ? pc.red('should not have changed')
      : each.isContradiction
        ? 'changed'
        : 'within a tie'
    return `  ${judged}  ${conclusionText(each)}`
  })
  return changed.length > MOST_PRINTED ? [...shown, `  and ${changed.length - MOST_PRINTED} more, in the page`] : shown
}

/** Builds the page before anything is written, since a document may have the right parts with nonsense in them. */
function drawing<T>(run: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof WorkbenchError || process.env.THREADMAP_DEBUG) throw error
    throw new UsageError(`${run} is damaged (${String(error)}); run "threadmap lab" again`)
  }
}

function folderOf(run: string): string {
  const whole = resolve(run)
  return existsSync(join(whole, 'run.json')) ? new RunFolder(whole).path : resolve(whole, '..')
}

/** The previous run, if the folder has one of the same length. */
function previousOf(folder: string, document: RunDocument): RunDocument | undefined {
  const path = join(folder, 'previous.json')
  if (!existsSync(path)) return undefined
  try {
    const previous = readDocument(path)
    return previous.id !== document.id && previous.settings.quick === document.settings.quick ? previous : undefined
  } catch {
    // A damaged older run must not prevent the report of this one.
    return undefined
  }
}
