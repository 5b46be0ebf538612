/** Histories of a schedule, and whether a map could have given them one operation after the other. */
import { updated } from './operations.js'
import type { OpName, Output, Step } from './steps.js'

export interface Entry {
  client: number
  op: OpName
  key: string | undefined
  input: { value?: number | undefined; expected?: number | undefined }
  output: Output
  /** `compute` ran its function. */
  computed?: boolean
  /** When the operation was called and when it returned, on one clock. Infinity: it never returned. */
  call: number
  return: number
}

/** An operation that was called and has not returned. */
export function newEntry(client: number, step: Step, call: number): Entry {
  return {
    client,
    op: step.op,
    key: step.key,
    input: { value: step.value, expected: step.expected },
    output: undefined,
    call,
    return: Number.POSITIVE_INFINITY,
  }
}

/** Outputs of an operation that did nothing. */
const FAILED = new Set<Output>(['E_FULL', 'E_TIMEOUT'])

/** Whether the output tells a map's state at one moment. Other operations are judged elsewhere. */
export function isLinear(entry: Entry): boolean {
  const { op, output } = entry
  return op !== 'iterate' && op !== 'size' && op !== 'recover' && !isRefused(output) && !FAILED.has(output)
}

/** Whether UnsafeMap refused the operation, which then did nothing. */
export function isRefused(output: Output): boolean {
  return output === 'E_WRITES' || output === 'E_READ_WRITE' || output === 'E_ITERATION_WRITE'
}

/**
 * Whether the history is linearizable, for a map that begins with these entries: some order of the operations gives these outputs, and
 * has each operation that returned before another was called before that one. Exponential: a schedule has a handful of operations.
 * `loses`: a cache may lose a key at any moment, which shows at the next operation on that key.
 */
export function linearizable(history: readonly Entry[], initial: ReadonlyMap<string, number>, loses = false): boolean {
  const left = history.filter(isLinear)
  return search(left, new Map(initial), loses)
}

function search(left: readonly Entry[], state: ReadonlyMap<string, number>, loses: boolean): boolean {
  if (left.length === 0) return true
  const firstReturn = Math.min(...left.map(entry => entry.return))
  for (const entry of left) {
    // Another operation returned before this one was called, so that one comes first.
    if (entry.call > firstReturn) continue
    const rest = left.filter(other => other !== entry)
    for (const before of loses ? [state, without(state, entry.key)] : [state]) {
      const next = apply(entry, before)
      if (next !== undefined && search(rest, next, loses)) return true
    }
    // An operation that never returned may have had no effect.
    if (entry.return === Number.POSITIVE_INFINITY && search(rest, state, loses)) return true
  }
  return false
}

function without(state: ReadonlyMap<string, number>, key: string | undefined): ReadonlyMap<string, number> {
  const rest = new Map(state)
  rest.delete(key ?? '')
  rest.delete(loadOf(key ?? ''))
  return rest
}

/** Under this key the state has who loads a key of a cache. */
function loadOf(key: string): string {
  return `${key} is loaded by`
}

const READS = new Set<OpName>(['get', 'has', 'cachedGet', 'keptGet', 'beginLoad', 'refresh'])

/** The state after `entry`, or undefined if it cannot have given its output in this state. */
function apply(entry: Entry, state: ReadonlyMap<string, number>): ReadonlyMap<string, number> | undefined {
  const key = entry.key ?? ''
  const { value, expected } = entry.input
  const old = state.get(key)
  const pending = entry.return === Number.POSITIVE_INFINITY
  const gives = (output: Output, next: number | undefined | false): ReadonlyMap<string, number> | undefined => {
    if (!pending && output !== entry.output) return undefined
    const keepsLoad = next === false && (old !== undefined || READS.has(entry.op))
    if (next === false && (keepsLoad || !state.has(loadOf(key)))) return state
    const after = new Map(state)
    // A change of the key drops the load; so does one of an absent key that fails.
    after.delete(loadOf(key))
    if (next === false) return after
    if (next === undefined) after.delete(key)
    else after.set(key, next)
    return after
  }
  switch (entry.op) {
    case 'get':
    case 'cachedGet':
    case 'keptGet':
      return gives(old, false)
    case 'has':
      return gives(old !== undefined, false)
    case 'set':
      return gives(undefined, value)
    case 'getOrInsert':
    case 'compute':
    case 'nest':
      return gives(old ?? value, old === undefined ? value : false)
    case 'swap':
      return gives(old, value)
    case 'compareAndSwap':
      return gives(old === expected, old === expected ? value : false)
    case 'compareAndDelete':
      return gives(old === expected, old === expected ? undefined : false)
    case 'delete':
      return gives(old !== undefined, undefined)
    case 'getAndDelete':
      return gives(old, undefined)
    case 'add':
      return gives((old ?? 0) + value!, (old ?? 0) + value!)
    case 'update':
      return gives(updated(old), updated(old))
    case 'beginLoad':
    case 'refresh': {
      if (old !== undefined && entry.op === 'beginLoad') return gives(old, false)
      if (state.has(loadOf(key))) return gives('other', false)
      return pending || entry.output === 'mine' ? new Map(state).set(loadOf(key), entry.client) : undefined
    }
    case 'endLoad':
    case 'endEmpty':
    case 'dropLoad': {
      if (entry.output === 'none') return state
      if (state.get(loadOf(key)) !== entry.client) return pending || entry.output === 'refused' ? state : undefined
      return gives('done', entry.op === 'endLoad' ? value : undefined)
    }
    case 'clear':
      return entry.output === undefined ? new Map() : undefined
    default:
      return undefined
  }
}

/**
 * The contract of iteration: no key comes twice, every value is one that the key can have had meanwhile, and each key that was in
 * the map all the time comes exactly once. Returns what is wrong, or undefined.
 */
export function judgeIteration(
  scan: Entry,
  history: readonly Entry[],
  initial: ReadonlyMap<string, number>,
): string | undefined {
  if (isRefused(scan.output)) return undefined
  if (!Array.isArray(scan.output)) return `the iteration gave ${String(scan.output)}`
  const seen = new Map<string, number>()
  for (const [key, value] of scan.output as [string, number][]) {
    if (seen.has(key)) return `the iteration gave ${key} twice`
    seen.set(key, value)
  }
  const others = history.filter(entry => entry !== scan && !isRefused(entry.output))
  const keys = new Set([...initial.keys(), ...seen.keys()])
  for (const key of keys) {
    const touching = others.filter(entry => (entry.key === key || entry.op === 'clear') && mutates(entry))
    const value = seen.get(key)
    if (value !== undefined && !possible(initial.get(key), touching).has(value)) {
      return `the iteration gave ${value} for ${key}`
    }
    const stays = initial.has(key) && !touching.some(entry => removes(entry) && entry.call < scan.return)
    if (stays && value === undefined) return `the iteration missed ${key}, which was there all the while`
    const gone = !initial.has(key) && touching.every(entry => entry.call > scan.return)
    if (gone && value !== undefined) return `the iteration gave ${key}, which was never there`
  }
  return undefined
}

function mutates(entry: Entry): boolean {
  return entry.op !== 'get' && entry.op !== 'has' && entry.op !== 'iterate' && entry.op !== 'cachedGet'
}

/** Whether a key can be absent after this operation. */
export function removes(entry: Entry): boolean {
  return ['delete', 'getAndDelete', 'compareAndDelete', 'clear'].includes(entry.op)
}

/** Values that the key can have had. Sums and updates build on each other, so a few rounds of them. */
function possible(initial: number | undefined, touching: readonly Entry[]): Set<number> {
  const values = new Set<number>(initial === undefined ? [] : [initial])
  for (let round = 0; round < touching.length; round++) {
    for (const { op, input } of touching) {
      const before = [...values, undefined]
      if (op === 'add') for (const value of before) values.add((value ?? 0) + input.value!)
      else if (op === 'update') for (const value of before) values.add(updated(value))
      else if (input.value !== undefined) values.add(input.value)
    }
  }
  return values
}

/** A history as a person reads it: a line per operation, in the order of the calls. */
export function picture(history: readonly Entry[]): string {
  const show = (value: unknown): string => (value === undefined ? '-' : JSON.stringify(value))
  return [...history]
    .sort((a, b) => a.call - b.call)
    .map(entry => {
      const { value, expected } = entry.input
      const inputs = [entry.key, expected, value].filter(part => part !== undefined).join(', ')
      const end = entry.return === Number.POSITIVE_INFINITY ? 'never' : entry.return
      return `  thread ${entry.client}  [${entry.call}, ${end}]  ${entry.op}(${inputs}) = ${show(entry.output)}`
    })
    .join('\n')
}
