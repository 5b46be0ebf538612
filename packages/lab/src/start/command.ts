import { availableParallelism } from 'node:os'
import { SubjectError } from '@threadmap/workbench/errors'
import type { Experiment } from '@threadmap/workbench/experiment'
import { interruptible } from '@threadmap/workbench/interrupt'
import { MAP_KINDS } from '@threadmap/workbench/subjects/maps'
import { DEFAULT_SEED } from '@threadmap/workbench/workload'
import { Command } from 'commander'
import { DEFAULT_FOLDER } from '../document.js'
import { lab } from '../lab/command.js'
import { draw } from '../report/command.js'
import { wordcount } from '../wordcount/command.js'

/** Bytes of text for the word count: three rounds over them take about 15 s on two cores, of the tour's two minutes. */
const WORDCOUNT = { maxBytes: 16_000_000, rounds: 3, maxSeconds: 30 }

/** Workers at most: more threads would take longer to prepare and show nothing new. */
const MOST_WORKERS = 8

export function startCommand(experiments: readonly Experiment[]): Command {
  return new Command('start')
    .summary('see everything in about two minutes: the word count on real text, then the quick lab and its report')
    .description('Counts the words of real text through every map, runs the quick lab, and draws its report in --out.')
    .option('--out <dir>', 'where the run is kept', DEFAULT_FOLDER)
    .option(
      '--corpus <dir>',
      'the text of the word count: all text files below this folder (default: .md, .js, .ts below node_modules)',
    )
    .action((flags: Flags) => interruptible(signal => start(flags, signal, experiments)))
}

interface Flags {
  out: string
  corpus?: string
}

async function start({ out, corpus }: Flags, signal: AbortSignal, experiments: readonly Experiment[]): Promise<void> {
  const workers = Math.min(MOST_WORKERS, availableParallelism())
  let failed: SubjectError | undefined
  await wordcount({ ...WORDCOUNT, workers, maps: MAP_KINDS, ...(corpus === undefined ? {} : { corpus }) }, signal)
  process.stdout.write('\n')
  try {
    await lab([], { quick: true, brief: true, out, workers, seed: DEFAULT_SEED }, signal, experiments)
  } catch (error) {
    // One experiment failed; the report shows the others.
    if (!(error instanceof SubjectError)) throw error
    failed = error
  }
  draw(out)
  if (failed !== undefined) throw failed
}
