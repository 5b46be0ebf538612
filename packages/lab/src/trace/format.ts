import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { codeOf, writeAtomically } from '@threadmap/workbench/files'

const FORMAT = 'threadmap-trace'
const VERSION = 1

/**
 * A sample of one thread's operations on a map. A trace has hashes and lengths of keys and sizes of values: it tells how a map is
 * used, not its contents.
 */
export interface Trace {
  readonly format: typeof FORMAT
  readonly version: typeof VERSION
  /** Traces of the same process belong together. */
  readonly pid: number
  readonly thread: number
  readonly startedAt: string
  /** The class of the map. */
  readonly map: string
  /** One operation in this many was kept, on average. */
  readonly every: number
  /** The number of all operations, kept or not. */
  readonly operations: number
  readonly seconds: number
  /** Numbers of entries in the map when operations were kept. */
  readonly entries: { readonly last: number; readonly most: number }
  readonly keys: { readonly type: KeyType; readonly lengths: readonly number[] }
  readonly values: { readonly type: ValueType; readonly bytes: readonly number[] }
  /** Whole-map operations: walks over all entries, and `clear`. */
  readonly iterations: number
  readonly clears: number
  /** One letter per kept operation, see `OPERATIONS`. */
  readonly ops: string
  /** The hash of the key of each kept operation. */
  readonly ids: readonly number[]
}

export type KeyType = (typeof KEY_TYPES)[number]
export const KEY_TYPES = ['string', 'number', 'bigint', 'bytes', 'other'] as const
export type ValueType = (typeof VALUE_TYPES)[number]
export const VALUE_TYPES = ['number', 'string', 'bytes', 'json'] as const

/** The letters of the operations. Lower case: the key was in the map; upper case: it was not. */
export const OPERATIONS = {
  g: 'get',
  h: 'has',
  u: 'set',
  m: 'read and write: swap, compareAndSwap',
  a: 'add',
  p: 'update',
  o: 'getOrInsert',
  d: 'delete',
} as const
const LETTERS = new Set([...Object.keys(OPERATIONS), ...Object.keys(OPERATIONS).map(letter => letter.toUpperCase())])

/** Kept operations that a replay needs at least: fewer say nothing about a distribution. */
const FEWEST = 100

/** The file of a thread: the name itself for the main thread, the name and the thread's number for another. */
export function traceFile(file: string, thread: number): string {
  return thread === 0 ? resolve(file) : `${resolve(file)}.${thread}`
}

export function writeTrace(file: string, trace: Omit<Trace, 'format' | 'version'>): void {
  writeAtomically(file, `${JSON.stringify({ format: FORMAT, version: VERSION, ...trace })}\n`)
}

/**
 * The traces of all threads that recorded to `file`: `file` itself and the files with a thread's number after this name, as far as
 * they come from the process of the newest. `UsageError` for a file that is no trace.
 */
export function readTraces(file: string): Trace[] {
  const whole = resolve(file)
  const name = basename(whole)
  let names: string[]
  try {
    names = readdirSync(dirname(whole)).filter(
      each => each === name || (each.startsWith(`${name}.`) && /^\d+$/.test(each.slice(name.length + 1))),
    )
  } catch (error) {
    throw unreadable(whole, error)
  }
  if (names.length === 0) throw unreadable(whole, 'ENOENT')
  const found = names.map(each => {
    const path = join(dirname(whole), each)
    return { trace: readTrace(path), time: statSync(path).mtimeMs }
  })
  const newest = found.reduce((latest, each) => (each.time > latest.time ? each : latest)).trace
  const traces = found.map(({ trace }) => trace).filter(({ pid }) => pid === newest.pid)
  const kept = traces.reduce((sum, { ops }) => sum + ops.length, 0)
  if (kept < FEWEST) {
    throw new UsageError(
      `${whole} has only ${kept} operations, which is too few to judge by (${FEWEST}); record for longer, or with { every: 1 }`,
    )
  }
  return traces.sort((a, b) => a.thread - b.thread)
}

function unreadable(path: string, error: unknown): UsageError {
  const code = typeof error === 'string' ? error : codeOf(error)
  return new UsageError(`cannot read ${path} (${code}); give the file that record(map, file) wrote`)
}

function readTrace(path: string): Trace {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw unreadable(path, error)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new UsageError(`${path} is not JSON; give the file that record(map, file) wrote`)
  }
  const problem = problemOf(parsed)
  if (problem !== undefined) {
    throw new UsageError(`${path} is no trace that this lab reads: ${problem}; record it again with record(map, file)`)
  }
  return parsed as Trace
}

/** The first fault of a parsed trace, or undefined. */
function problemOf(trace: unknown): string | undefined {
  if (!isObject(trace) || trace.format !== FORMAT) return `it has no format "${FORMAT}"`
  if (trace.version !== VERSION) return `version ${String(trace.version)} is not ${VERSION}`
  const { entries, keys, values, ops, ids } = trace
  for (const name of ['pid', 'thread', 'operations', 'seconds', 'iterations', 'clears'] as const) {
    if (!isCount(trace[name])) return `${name} is no number from 0`
  }
  if (!isCount(trace.every) || trace.every < 1) return 'every is no number from 1'
  if (!isObject(entries) || !isCount(entries.last) || !isCount(entries.most)) return 'entries has no last and most'
  if (!isObject(keys) || !isOneOf(keys.type, KEY_TYPES) || !isSizes(keys.lengths)) return 'keys has no type and lengths'
  if (!isObject(values) || !isOneOf(values.type, VALUE_TYPES) || !isSizes(values.bytes))
    return 'values has no type and bytes'
  if (typeof ops !== 'string') return 'ops is no text'
  const foreign = [...ops].find(letter => !LETTERS.has(letter))
  if (foreign !== undefined) return `ops has the unknown operation ${JSON.stringify(foreign)}`
  if (!Array.isArray(ids) || ids.length !== ops.length) return 'ids has not one number for each of ops'
  return ids.every(id => Number.isSafeInteger(id)) ? undefined : 'ids holds what is no whole number'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value)
}

function isOneOf(value: unknown, list: readonly string[]): boolean {
  return typeof value === 'string' && list.includes(value)
}

/** A limit above the bytes of any key or value that a map may have. */
const LARGEST = 2 ** 24

function isSizes(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(size => isCount(size) && size <= LARGEST)
}
