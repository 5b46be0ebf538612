import { ROUNDS_TO_RANK, relativeSpread, SINGLE_RUN_NOISE } from '@threadmap/workbench/statistics'
import { pc } from '@threadmap/workbench/terminal/colour'
import type { Corpus } from './corpus.js'
import { count, factor, megabytes, millions, percent, plural } from './format.js'
import type { Ranking } from './ranking.js'
import { processorShare, type Result, type Results } from './results.js'
import type { Wordcount } from './run.js'

const HEADINGS = ['', 'workers', 'M words/s', '', '', 'x plain Map', 'counting', 'memory', 'retries', 'lock waits']

/** Columns that are aligned to the left: the name and the bar. */
const LEFT = new Set([0, 4])

const BAR_WIDTH = 12
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A run that got less than this share of the processor time that it asked for says that the machine was busy. */
const BUSY_BELOW = 0.85

/** The text, in a few words. */
export function corpusLine(corpus: Corpus): string {
  const notes = [
    ...(corpus.bounded ? ['the first by path, up to --max-bytes'] : []),
    ...(corpus.skipped.binary > 0 ? [`${plural(corpus.skipped.binary, 'binary file')} left out`] : []),
    ...(corpus.skipped.unreadable > 0 ? [`${corpus.skipped.unreadable} unreadable`] : []),
  ]
  const text = `${megabytes(corpus.bytes)} of text in ${plural(corpus.files, 'file')} below ${corpus.root}`
  return notes.length === 0 ? text : `${text} (${notes.join('; ')})`
}

/** The figures of all subjects, in three groups, the fastest of each first. */
export function resultTable({ all, plain, merge, messages, shared }: Results): string {
  const fastest = Math.max(...all.map(({ subject, speed }) => (subject.way === 'none' ? 0 : speed.median)))
  const groups: [string, readonly Result[]][] = [
    ['only making the words', all.filter(({ subject }) => subject.way === 'none')],
    ['no shared map', [plain, merge, messages]],
    ['one shared map that every worker adds to', shared],
  ]
  const lines: (string | string[])[] = [HEADINGS]
  for (const [title, results] of groups) {
    if (results.length === 0) continue
    lines.push(title)
    for (const result of [...results].sort((a, b) => b.speed.median - a.speed.median))
      lines.push(cells(result, fastest))
  }
  return layOut(lines)
}

function cells(
  { subject, speed, relative, countingShare, memory, retries, lockWaits }: Result,
  fastest: number,
): string[] {
  const counter = (values: typeof retries) => (values === undefined ? '-' : count(values.median))
  return [
    `  ${subject.name}`,
    String(subject.workers),
    millions(speed.median),
    speed.rounds.length < 2 ? '' : `±${percent(relativeSpread(speed))}`,
    subject.way === 'none' ? '' : bar(speed.median / fastest),
    factor(relative.median),
    subject.way === 'none' ? '-' : percent(Math.max(0, countingShare.median)),
    memory === undefined ? '-' : megabytes(memory.median),
    counter(retries),
    counter(lockWaits),
  ]
}

function bar(share: number): string {
  const eighths = Math.round(share * BAR_WIDTH * 8)
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]
}

/** Pads the cells of each column to one width; a line that is one string has no columns. */
function layOut(lines: readonly (string | string[])[]): string {
  const rows = lines.filter(line => typeof line !== 'string')
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map(row => row[column].length)))
  return lines
    .map(line => {
      if (typeof line === 'string') return pc.dim(line)
      const padded = line.map((cell, at) => (LEFT.has(at) ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
      const text = padded.join('  ').trimEnd()
      return line === HEADINGS ? pc.bold(text) : text
    })
    .join('\n')
}

/** How to read the table. */
export function legend(run: Wordcount): string {
  const rounds =
    run.rounds < run.roundsWanted
      ? `${run.rounds} of ${run.roundsWanted} rounds (time was up)`
      : plural(run.rounds, 'round')
  const hasUnsafe = run.measured.some(({ subject }) => subject.kind === 'UnsafeMap')
  return [
    `Every count of every run equals the single-threaded Map's, key by key: ${count(run.words)} words, ${count(run.distinctWords)} distinct.`,
    `Median of ${rounds}, interleaved; ± half the interquartile range. counting: share of the time that is not making words.`,
    'memory: of the counts at the end, heaps and shared memory. retries, lock waits: per run, from map.stats().',
    'merged, by messages: one more thread owns the result.',
    ...(hasUnsafe ? ['UnsafeMap is for one thread at a time, so it ran with one worker.'] : []),
  ].join('\n')
}

/** The recommendation with its reasons, and the reasons not to rely on it. */
export function rankingText({ use, reasons }: Ranking, run: Wordcount, cores: number): string {
  const share = processorShare(run, cores)
  const doubts = [
    ...(run.rounds < ROUNDS_TO_RANK
      ? [
          `Only ${plural(run.rounds, 'round')}: differences below ${percent(SINGLE_RUN_NOISE)} count as noise; --rounds ${ROUNDS_TO_RANK} tells more.`,
        ]
      : []),
    ...(share < BUSY_BELOW
      ? [
          `Other programs used this machine meanwhile: the workers got ${percent(share)} of the processor time that they could use. ` +
            'Run it again when it is idle.',
        ]
      : []),
  ].map(doubt => `  ${pc.yellow('!')} ${doubt}`)
  if (use.length === 0) {
    return ['No map that threads can share was measured, so there is none to recommend.', ...doubts].join('\n')
  }
  const head = `Which map for this job: ${pc.bold(use.join(' or '))}`
  return [head, ...reasons.map(reason => `  - ${reason}`), ...doubts].join('\n')
}
