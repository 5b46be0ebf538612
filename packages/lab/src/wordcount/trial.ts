import { SubjectError, WorkbenchError } from '@threadmap/workbench/errors'
import type { MapStats } from 'threadmap'
import type { Corpus, Reference } from './corpus.js'
import { Phase } from './protocol.js'
import { createMap, type Subject, type WordMap } from './subjects.js'
import { failure, TrialTeam } from './team.js'

/** One run of the whole job by one subject. */
export interface Trial {
  readonly seconds: number
  /** Processor time of all threads together during `seconds`. */
  readonly cpuSeconds: number
  /** Memory of the counts when the job is done: growth of all heaps after a collection, and shared memory in use. */
  readonly memoryBytes: number
  /** The counters of the shared map, where there is one. */
  readonly stats?: MapStats
}

export interface TrialOptions {
  readonly signal?: AbortSignal | undefined
  /** Called several times a second with the share of the text that has been taken. */
  readonly onProgress?: ((share: number) => void) | undefined
  /** Time after which the trial counts as hung. */
  readonly limitSeconds: number
}

const PROGRESS_INTERVAL_MS = 100

/** The library's default of `maxBytes`; a map for a larger text gets more. */
const USUAL_MAX_BYTES = 2 ** 30
const MAX_BYTES_PER_TEXT_BYTE = 8

/**
 * Lets `subject` count `corpus` and checks every count against `reference`.
 *
 * The clock runs from the release of the waiting threads until the result is complete: for `merge` and
 * `messages`, until the owner has added up the last message.
 */
export async function runTrial(
  subject: Subject,
  corpus: Corpus,
  reference: Reference,
  { signal, onProgress, limitSeconds }: TrialOptions,
): Promise<Trial> {
  signal?.throwIfAborted()
  const map = createSubjectMap(subject, corpus)
  const team = new TrialTeam(subject, corpus, map?.handle, signal)
  const limit = setTimeout(
    () =>
      team.giveUp(
        new SubjectError(`${subject.name} had not ended after ${limitSeconds} s: it hangs, or is far too slow`),
      ),
    limitSeconds * 1000,
  )
  const ticker = setInterval(() => onProgress?.(team.progress(corpus.cuts.length - 1)), PROGRESS_INTERVAL_MS)
  try {
    await team.all('ready')
    const cpuBefore = process.cpuUsage()
    const startedAt = process.hrtime.bigint()
    team.enter(Phase.work)
    const ended = await team.all('ended')
    const cpu = process.cpuUsage(cpuBefore)
    // The workers are still attached here, so that the figures include their counters and their memory.
    const stats = map?.stats()
    team.enter(Phase.weigh)
    const weighed = await team.all('weighed')

    checkNumberOfWords(
      subject,
      ended.reduce((sum, { words }) => sum + words, 0),
      reference,
    )
    if (map !== undefined) checkSharedMap(subject, map, reference)
    for (const { counts } of weighed) if (counts !== undefined) checkCounts(subject, counts, reference)

    const nanoseconds = Math.max(...ended.map(({ endedAt }) => Number(endedAt - startedAt)))
    const heapBytes = weighed.reduce((sum, report) => sum + Math.max(0, report.heapBytes), 0)
    return {
      seconds: nanoseconds / 1e9,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      memoryBytes: heapBytes + (stats?.usedBytes ?? 0),
      ...(stats === undefined ? {} : { stats }),
    }
  } catch (error) {
    throw error instanceof WorkbenchError ? error : failure(subject, error)
  } finally {
    clearTimeout(limit)
    clearInterval(ticker)
    await team.stop()
    map?.[Symbol.dispose]()
  }
}

function createSubjectMap(subject: Subject, corpus: Corpus): WordMap | undefined {
  try {
    return subject.kind === undefined ? undefined : createMap(subject.kind, maxBytesFor(corpus))
  } catch (error) {
    throw failure(subject, error)
  }
}

function maxBytesFor(corpus: Corpus): number {
  return Math.min(2 ** 32, Math.max(USUAL_MAX_BYTES, corpus.bytes * MAX_BYTES_PER_TEXT_BYTE))
}

function checkNumberOfWords(subject: Subject, words: number, reference: Reference): void {
  if (words === reference.words) return
  throw new SubjectError(`${subject.name} found ${words} words where the single-threaded count has ${reference.words}`)
}

/** Checks the map's iteration, its reads and its size, each of which could be wrong. */
function checkSharedMap(subject: Subject, map: WordMap, reference: Reference): void {
  const counts = new Map<string, number>()
  let visited = 0
  for (const [word, count] of map) {
    counts.set(word, count)
    visited++
  }
  checkCounts(subject, counts, reference)
  const { size } = reference.counts
  if (visited !== size || map.size !== size) {
    throw new SubjectError(`${subject.name} iterates ${visited} keys and has size ${map.size}; both should be ${size}`)
  }
  for (const [word, count] of reference.counts) {
    if (map.get(word) !== count) throw wrongCount(subject, word, map.get(word), count, 'get')
  }
}

/** Throws unless `counts` equals the reference, key by key. */
export function checkCounts(subject: Subject, counts: ReadonlyMap<string, number>, reference: Reference): void {
  for (const [word, count] of reference.counts) {
    if (counts.get(word) !== count) throw wrongCount(subject, word, counts.get(word), count, 'the result')
  }
  for (const [word, count] of counts) {
    if (!reference.counts.has(word)) throw wrongCount(subject, word, count, undefined, 'the result')
  }
}

function wrongCount(
  subject: Subject,
  word: string,
  actual: number | undefined,
  expected: number | undefined,
  by: string,
): SubjectError {
  return new SubjectError(
    `${subject.name} counted wrongly: ${JSON.stringify(word)} is ${actual ?? 'absent'} by ${by} and ` +
      `${expected ?? 'absent'} in the single-threaded Map`,
  )
}
