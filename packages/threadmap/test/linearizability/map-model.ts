/**
 * What the operations of ConcurrentMap do to one key, and to a whole map, one at a time. Values are numbers (tests
 * translate); absence is ABSENT.
 */
import { isPending, type Model, type Operation } from './history.js'

export const ABSENT = -1

/** The input of each operation, as numbers: a value, or an expected value and a value. */
export interface Input {
  readonly value: number
  readonly expected: number
}

/** The output: a value, 0 or 1 for a boolean; and whether this client's `compute` ran. */
export interface Output {
  readonly value: number
  readonly computed: boolean
}

export type MapOperation = Operation<Input, Output>

export const OPERATIONS = [
  'get',
  'has',
  'set',
  'delete',
  'getOrInsert',
  'getOrInsertComputed',
  'swap',
  'compareAndSwap',
  'compareAndDelete',
  'getAndDelete',
  'update',
  'add',
  'clear',
  'size',
] as const

export type OperationName = (typeof OPERATIONS)[number]

/** The function that tests hand to `update`: it depends on what it finds, and now and then it deletes. */
export function updated(current: number, value: number): number {
  if (current === ABSENT) return value
  return (current + value) % 4 === 0 ? ABSENT : (Math.imul(current, 31) + value) & 0xfffff
}

interface Step {
  readonly state: number
  /** The output; undefined: none. */
  readonly value?: number
}

function step(state: number, op: string, { value, expected }: Input): Step {
  const present = Number(state !== ABSENT)
  switch (op) {
    case 'get':
      return { state, value: state }
    case 'has':
      return { state, value: present }
    case 'set':
      return { state: value }
    case 'delete':
      return { state: ABSENT, value: present }
    case 'getOrInsert':
    case 'getOrInsertComputed':
      return present ? { state, value: state } : { state: value, value }
    case 'swap':
      return { state: value, value: state }
    case 'compareAndSwap':
      return present && state === expected ? { state: value, value: 1 } : { state, value: 0 }
    case 'compareAndDelete':
      return present && state === expected ? { state: ABSENT, value: 1 } : { state, value: 0 }
    case 'getAndDelete':
      return { state: ABSENT, value: state }
    case 'update': {
      const next = updated(state, value)
      return { state: next, value: next }
    }
    case 'add': {
      const sum = present ? state + value : value
      return { state: sum, value: sum }
    }
    case 'clear':
      return { state: ABSENT }
    default:
      throw new Error(`the model knows no operation ${op}`)
  }
}

function describe(state: number): string {
  return state === ABSENT ? 'absent' : String(state)
}

function tell({ op, input, output, return: end }: MapOperation): string {
  const takes =
    op === 'compareAndSwap'
      ? `${describe(input.expected)}, ${input.value}`
      : op === 'compareAndDelete'
        ? describe(input.expected)
        : ['set', 'getOrInsert', 'getOrInsertComputed', 'swap', 'update', 'add'].includes(op)
          ? String(input.value)
          : ''
  if (isPending({ op, return: end } as Operation)) return `${op}(${takes}) -> ?`
  const silent = op === 'set' || op === 'clear'
  const gives = op === 'has' || op === 'delete' || op.startsWith('compareAnd') ? ['false', 'true'] : undefined
  const result = output === undefined || silent ? '' : ` -> ${gives?.[output.value] ?? describe(output.value)}`
  return `${op}(${takes})${result}${output?.computed ? ' computed' : ''}`
}

/**
 * The model of one key. With `exclusive`, `compute` may only have run if the key was absent: this holds when only
 * getOrInsertComputed, get and deletions touch the key, since `compute` runs once per absent key across all threads.
 */
export function keyModel({ exclusive = false, initial = ABSENT } = {}): Model<number, Input, Output> {
  return {
    initial,
    apply(state, { op, input, output }) {
      const after = step(state, op, input)
      if (output === undefined) return after.state
      if (after.value !== undefined && after.value !== output.value) return undefined
      if (op === 'getOrInsertComputed') {
        // A client that inserted has computed; one that computed has inserted, unless another one set the key meanwhile.
        if (state === ABSENT && !output.computed) return undefined
        if (exclusive && state !== ABSENT && output.computed) return undefined
      }
      return after.state
    },
    identity: state => state,
    describe,
    tell,
  }
}

/** The model of a whole map of one shard: `clear` and `size` are about all keys at once. */
export function mapModel(): Model<ReadonlyMap<string, number>, Input, Output> {
  const one = keyModel()
  return {
    initial: new Map(),
    apply(state, operation) {
      const { op, output } = operation
      if (op === 'clear') return new Map()
      if (op === 'size') return output === undefined || output.value === state.size ? state : undefined
      const before = state.get(operation.key) ?? ABSENT
      const after = one.apply(before, operation)
      if (after === undefined || after === before) return after === undefined ? undefined : state
      const next = new Map(state)
      if (after === ABSENT) next.delete(operation.key)
      else next.set(operation.key, after)
      return next
    },
    identity: state =>
      [...state]
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(),
    describe: state => (state.size === 0 ? 'empty' : [...state].map(([key, value]) => `${key}: ${value}`).join(', ')),
    tell: operation =>
      operation.op === 'clear' || operation.op === 'size' ? tell(operation) : `${operation.key}.${tell(operation)}`,
  }
}
