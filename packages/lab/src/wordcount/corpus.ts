import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { UsageError } from '@threadmap/workbench/errors'
import { eachWord, MAX_WORD_LENGTH, WORD } from './words.js'

/** The text that all subjects count: one copy in memory, shared by all threads. */
export interface Corpus {
  readonly root: string
  /** UTF-8, file after file, a newline between them. */
  readonly text: SharedArrayBuffer
  /** The cuts of the text: chunk `i` is the bytes from `cuts[i]` to `cuts[i + 1]`. No word crosses a cut. */
  readonly cuts: Uint32Array
  readonly files: number
  readonly bytes: number
  /** Whether `maxBytes` ended the reading before the last file. */
  readonly bounded: boolean
  /** Files that are not text, and files that could not be read. */
  readonly skipped: { readonly binary: number; readonly unreadable: number }
}

/** The reference count: one thread counts with `WORD`, the plain statement of the rule. */
export interface Reference {
  readonly counts: ReadonlyMap<string, number>
  readonly words: number
}

/** Offsets into the text are 32 bits wide, and a whole file has to fit one string (V8: 512 Mi characters). */
export const LARGEST_CORPUS = 256_000_000

const SOURCE_TEXT = /\.(md|js|ts)$/

/**
 * Bytes of text that a worker takes at a time. Small against a worker's share, so that all workers end together; large enough
 * that taking a chunk (one atomic add, one decoding) costs nothing beside its several thousand words.
 */
const CHUNK_BYTES = 64 * 1024
const SMALLEST_CHUNK_BYTES = 1024
const CHUNKS_WANTED = 256

/** Bytes of a file that are read first: enough to recognise most binary files. */
const SAMPLE_BYTES = 64 * 1024

const NEWLINE = 10

/** The nearest `node_modules` from `from` upwards, or undefined. */
export function nearestNodeModules(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules')
    if (existsSync(candidate)) return candidate
    if (dirname(folder) === folder) return undefined
  }
}

/**
 * Reads the text below `root` in the order of paths, until it has `maxBytes`. With `sourceOnly` it reads .md, .js and .ts files;
 * otherwise every file that is text. It follows neither symbolic links nor folders that begin with a dot, so that it does not
 * read a workspace's own packages, which are linked into its node_modules.
 */
export function readCorpus(root: string, options: { sourceOnly: boolean; maxBytes: number }): Corpus {
  const { sourceOnly, maxBytes } = options
  requireFolder(root)
  const space = new Uint8Array(new SharedArrayBuffer(maxBytes + 1))
  const skipped = { binary: 0, unreadable: 0 }
  let found = 0
  let files = 0
  let used = 0
  let bounded = false
  for (const path of filesBelow(root, skipped)) {
    if (sourceOnly && !SOURCE_TEXT.test(path)) continue
    found++
    bounded = used >= maxBytes
    if (bounded) break
    const read = readText(path, space.subarray(used, maxBytes))
    if (read === 'binary' || read === 'unreadable') {
      skipped[read]++
      continue
    }
    if (read.bytes > 0) {
      files++
      used += read.bytes
      space[used++] = NEWLINE
    }
    bounded = read.cut
    if (bounded) break
  }
  if (files === 0 && bounded) throw new UsageError(`not one word fits into --max-bytes ${maxBytes}; give more`)
  if (files === 0) throw new UsageError(nothingToCount(root, sourceOnly, found, skipped))
  const text = new SharedArrayBuffer(used)
  new Uint8Array(text).set(space.subarray(0, used))
  const corpus = { root, text, cuts: cutIntoChunks(new Uint8Array(text)), files, bytes: used, bounded, skipped }
  if (!hasWords(corpus)) throw new UsageError(`${root} holds no words; give a folder of text with --corpus DIR`)
  return corpus
}

function hasWords({ text, cuts }: Corpus): boolean {
  const bytes = Buffer.from(text)
  for (let chunk = 1; chunk < cuts.length; chunk++) {
    if (eachWord(bytes.toString('utf8', cuts[chunk - 1], cuts[chunk]), () => {}) > 0) return true
  }
  return false
}

function requireFolder(root: string): void {
  try {
    if (!statSync(root).isDirectory()) throw new UsageError(`${root} is not a folder; give one with --corpus DIR`)
    readdirSync(root)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`cannot read ${root} (${errorCode(error)}); give a readable folder with --corpus DIR`)
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function nothingToCount(
  root: string,
  sourceOnly: boolean,
  found: number,
  skipped: { binary: number; unreadable: number },
): string {
  const kind = sourceOnly ? '.md, .js or .ts files' : 'files'
  const why =
    found === 0
      ? `no ${kind}`
      : `no text in its ${found} ${kind} (${skipped.binary} binary, ${skipped.unreadable} unreadable, the rest empty)`
  return `${why} below ${root}; ${sourceOnly ? 'run npm install, or give' : 'give'} a folder of text with --corpus DIR`
}

function* filesBelow(folder: string, skipped: { unreadable: number }): Generator<string> {
  let entries: ReturnType<typeof listFolder>
  try {
    entries = listFolder(folder)
  } catch {
    skipped.unreadable++
    return
  }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.')) yield* filesBelow(path, skipped)
    } else if (entry.isFile()) {
      yield path
    }
  }
}

function listFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Reads as much of a text file as fits into `space`, whole words only. */
function readText(path: string, space: Uint8Array): { bytes: number; cut: boolean } | 'binary' | 'unreadable' {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const size = fstatSync(file).size
    const sample = fill(file, space.subarray(0, SAMPLE_BYTES))
    if (!isText(space.subarray(0, sample))) return 'binary'
    let bytes = sample + fill(file, space.subarray(sample))
    if (!isText(space.subarray(sample, bytes))) return 'binary'
    const cut = bytes < size
    while (cut && bytes > 0 && !isSpace(space[bytes - 1])) bytes--
    return { bytes, cut }
  } catch {
    return 'unreadable'
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** Reads on in `file` until `space` is full or the file ends. */
function fill(file: number, space: Uint8Array): number {
  let bytes = 0
  while (bytes < space.length) {
    const read = readSync(file, space, bytes, space.length - bytes, null)
    if (read === 0) break
    bytes += read
  }
  return bytes
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13)
}

/**
 * Text has no NUL, and less than one other control character in a thousand. The second condition
 * excludes .js files that embed a program as raw bytes in a string: binaryen's 13 MB would be half of all words.
 */
function isText(bytes: Uint8Array): boolean {
  let control = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === 0) return false
    if (byte === 127 || (byte < 32 && !isSpace(byte) && byte !== 27)) control++
  }
  return control * 1000 <= bytes.length
}

/** Cuts after white space, so that no word and no character is divided. */
function cutIntoChunks(bytes: Uint8Array): Uint32Array {
  const size = Math.min(CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, Math.ceil(bytes.length / CHUNKS_WANTED)))
  const cuts = [0]
  for (let at = size; at < bytes.length; at += size) {
    while (at < bytes.length && !isSpace(bytes[at - 1])) at++
    if (at < bytes.length) cuts.push(at)
  }
  cuts.push(bytes.length)
  const shared = new Uint32Array(new SharedArrayBuffer(cuts.length * 4))
  shared.set(cuts)
  return shared
}

/** Counts `corpus` on this thread by `WORD`, piece by piece; the event loop turns between the pieces. */
export async function countReference(corpus: Corpus, signal?: AbortSignal): Promise<Reference> {
  const bytes = Buffer.from(corpus.text)
  const counts = new Map<string, number>()
  let words = 0
  // 16 chunks at a time: no subject cuts there, and the program hears Ctrl-C within a fraction of a second.
  for (let from = 0; from < corpus.cuts.length - 1; from += 16) {
    const to = Math.min(from + 16, corpus.cuts.length - 1)
    for (const word of bytes.toString('utf8', corpus.cuts[from], corpus.cuts[to]).match(WORD) ?? []) {
      if (word.length > MAX_WORD_LENGTH) continue
      counts.set(word, (counts.get(word) ?? 0) + 1)
      words++
    }
    await setImmediate()
    signal?.throwIfAborted()
  }
  return { counts, words }
}
