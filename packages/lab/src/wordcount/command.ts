import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { machine } from '@threadmap/workbench/evidence'
import { interruptible } from '@threadmap/workbench/interrupt'
import { jsonTarget } from '@threadmap/workbench/json'
import { progressOn } from '@threadmap/workbench/progress'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { MapKind } from 'threadmap'
import { type Corpus, LARGEST_CORPUS, nearestNodeModules, readCorpus } from './corpus.js'
import { rank } from './ranking.js'
import { evidenceOf, resultsOf } from './results.js'
import { runWordcount } from './run.js'
import { MAP_KINDS } from './subjects.js'
import { corpusLine, legend, rankingText, resultTable } from './table.js'

/** The flags of `threadmap wordcount`. */
export interface WordcountFlags {
  corpus?: string
  workers: number
  rounds: number
  maxBytes: number
  maxSeconds: number
  maps: readonly MapKind[]
  json?: string | true
}

/** Workers at most: each has a V8 of its own with tens of megabytes, and a map's registry has 256 places. */
const MOST_WORKERS = 64

/** Bytes of text: on 2 cores a round over them takes about 10 s. */
const DEFAULT_MAX_BYTES = 32_000_000
const DEFAULT_ROUNDS = 5

/** Seconds for the rounds: with the reading and the overrun of the last round, the command ends within two minutes. */
const DEFAULT_MAX_SECONDS = 90

export function wordcountCommand(): Command {
  const cores = availableParallelism()
  return new Command('wordcount')
    .summary('count the words of real text through every map, and say which one to use')
    .description(
      'Counts the words of real text across workers, through each map and without a shared one, checks every count ' +
        'against a single-threaded Map, and says which map to use for this job. A word is a run of Unicode letters, ' +
        'marks, digits and underscores.',
    )
    .option('--corpus <dir>', 'count all text files below this folder (default: .md, .js, .ts below node_modules)')
    .addOption(
      new Option('--workers <n>', 'threads that count')
        .argParser(integer('workers', 1, MOST_WORKERS))
        .default(Math.min(cores, MOST_WORKERS), `${cores}, the cores of this machine`),
    )
    .addOption(
      new Option('--rounds <n>', 'how often each subject runs, interleaved; medians are shown')
        .argParser(integer('rounds', 1, 100))
        .default(DEFAULT_ROUNDS),
    )
    .addOption(
      new Option('--max-bytes <size>', 'how much text to read, in order of path: 500k, 8MB')
        .argParser(size)
        .default(DEFAULT_MAX_BYTES, `${DEFAULT_MAX_BYTES / 1e6}MB`),
    )
    .addOption(
      new Option('--max-seconds <n>', 'begin no further round that would end later')
        .argParser(integer('seconds', 1, 3600))
        .default(DEFAULT_MAX_SECONDS),
    )
    .addOption(
      new Option('--maps <list>', `which maps: ${MAP_KINDS.join(',')}`).argParser(mapKinds).default(MAP_KINDS, 'all'),
    )
    .option('--json [file]', 'write the figures as JSON: to a file, or to standard output instead of the table')
    .action((flags: WordcountFlags) => interruptible(signal => wordcount(flags, signal)))
}

/** Counts, and prints the results. */
export async function wordcount(flags: WordcountFlags, signal: AbortSignal): Promise<void> {
  const json = flags.json === undefined ? undefined : jsonTarget(flags.json)
  const corpus = corpusFor(flags)
  const print = (text: string) => {
    if (json?.path !== undefined || json === undefined) process.stdout.write(`${text}\n`)
  }
  const here = machine()
  print(`Counting the words of ${corpusLine(corpus)}\n${here.cpu}, ${here.cores} cores, Node ${here.node}\n`)
  const { workers, rounds, maxSeconds, maps: kinds } = flags
  const progress = progressOn(process.stderr)
  const run = await runWordcount({ corpus, workers, kinds, rounds, maxSeconds, progress, signal })
  const results = resultsOf(run)
  const ranking = rank(results, run.words)
  print(`${resultTable(results)}\n\n${legend(run)}\n\n${rankingText(ranking, run, here.cores)}`)
  json?.write({
    experiment: 'wordcount',
    at: new Date().toISOString(),
    machine: here,
    corpus: describe(corpus),
    words: run.words,
    distinctWords: run.distinctWords,
    rounds: run.rounds,
    evidence: evidenceOf(run, results),
    ranking,
  })
}

function corpusFor({ corpus, maxBytes }: WordcountFlags): Corpus {
  if (corpus !== undefined) return readCorpus(resolve(corpus), { sourceOnly: false, maxBytes })
  const root = nearestNodeModules(process.cwd())
  if (root === undefined) {
    throw new UsageError('no node_modules here or above; run npm install, or give a folder of text with --corpus DIR')
  }
  return readCorpus(root, { sourceOnly: true, maxBytes })
}

function describe({ root, files, bytes, bounded, skipped }: Corpus): Omit<Corpus, 'text' | 'cuts'> {
  return { root, files, bytes, bounded, skipped }
}

function integer(what: string, least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Give a whole number of ${what} from ${least} to ${most}.`)
  }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6 }

function size(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([km]?)b?$/i.exec(text) ?? []
  const value = digits === undefined ? Number.NaN : Math.round(Number(digits) * UNITS[unit.toLowerCase()])
  if (value >= 1 && value <= LARGEST_CORPUS) return value
  throw new InvalidArgumentError(`Give a size like 500k or 32MB, at most ${LARGEST_CORPUS / 1e6}MB.`)
}

function mapKinds(text: string): MapKind[] {
  const wanted = text.split(',').map(name => name.trim().toLowerCase())
  const unknown = wanted.find(name => !MAP_KINDS.some(kind => kind.toLowerCase() === name))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`There is no map "${unknown}"; choose from ${MAP_KINDS.join(',')}.`)
  }
  return MAP_KINDS.filter(kind => wanted.includes(kind.toLowerCase()))
}
