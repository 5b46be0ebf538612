/** The steps of which scenarios are made. */
import type { FormName } from './world.js'

/** One operation: its name, its key, and small numbers for its values. */
export interface Step {
  readonly op: OpName
  readonly key?: string
  /** The value of the operation; for `add` the delta. */
  readonly value?: number
  readonly expected?: number
  /** SharedCache: how long the value is fresh in milliseconds, if not as long as all others. */
  readonly ttl?: number
  /** For `nest`: the key that its function computes too. */
  readonly via?: string
  /** For `recover`: the dead thread. */
  readonly owner?: number
}

/** The output of an operation: a value, nothing, whether it did something, or the name of the error that it would throw. */
export type Output = number | boolean | undefined | string | readonly (readonly [string, number])[]

export type OpName =
  | 'get'
  | 'has'
  | 'set'
  | 'getOrInsert'
  | 'swap'
  | 'compareAndSwap'
  | 'compareAndDelete'
  | 'delete'
  | 'getAndDelete'
  | 'add'
  | 'update'
  | 'compute'
  | 'nest'
  | 'cachedGet'
  | 'keptGet'
  | 'clear'
  | 'iterate'
  | 'size'
  | 'recover'
  | 'beginLoad'
  | 'refresh'
  | 'endLoad'
  | 'dropLoad'
  | 'endEmpty'

/** The operations that change a key, for thread number `n`. `old` is the value that the key has at first. */
export function changes(form: FormName, key: string, n: number, old = 1): Step[] {
  const value = 100 + n
  return [
    { op: 'set', key, value },
    { op: 'swap', key, value },
    { op: 'getOrInsert', key, value },
    { op: 'compareAndSwap', key, value, expected: old },
    { op: 'compareAndDelete', key, expected: old },
    { op: 'delete', key },
    { op: 'getAndDelete', key },
    { op: 'update', key },
    ...(form === 'numbers' ? [{ op: 'add', key, value: n } as const] : []),
  ]
}

export function reads(key: string): Step[] {
  return [
    { op: 'get', key },
    { op: 'has', key },
    { op: 'cachedGet', key },
  ]
}

export const few = [
  ['a', 1],
  ['b', 2],
] as const

/** A table of one bucket that grows with the next key. */
export const full = [...few, ['d', 4], ['e', 5], ['f', 6], ['g', 7]] as const

/** All pairs of `first` with `second`. Of one list with itself each pair comes once. */
export function pairs(first: readonly Step[], second: readonly Step[]): Step[][][] {
  return first.flatMap((one, i) => second.slice(first.length === second.length ? i : 0).map(other => [[one], [other]]))
}

export function against(first: readonly Step[], others: readonly Step[]): Step[][][] {
  return others.map(other => [[...first], [other]])
}

export function show({ op, key, via, value, expected, ttl }: Step): string {
  return `${op}(${[key, via, expected, value, ttl].filter(part => part !== undefined).join(', ')})`
}
