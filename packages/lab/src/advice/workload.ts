import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '@threadmap/workbench/errors'
import { codeOf } from '@threadmap/workbench/files'
import { NUMBER_BYTES, type Workload, type WorkloadNumber } from '@threadmap/workbench/workload'

/** The workload of a question that names no factor. */
export const USUAL: Workload = { keys: 10_000, reads: 90, zipf: 0.99, threads: 2, valueBytes: NUMBER_BYTES, churn: 0 }

/** The limits of each factor. */
const LIMITS: { readonly [name in WorkloadNumber]: { low: number; high: number; isWhole: boolean; what: string } } = {
  keys: { low: 1, high: 1e9, isWhole: true, what: 'keys in the map' },
  reads: { low: 0, high: 100, isWhole: false, what: 'reads in 100 operations' },
  zipf: { low: 0, high: 3, isWhole: false, what: 'exponent of the skew of keys; 0: all alike' },
  threads: { low: 1, high: 240, isWhole: true, what: 'threads that use the map' },
  valueBytes: { low: 1, high: 2 ** 20, isWhole: true, what: `bytes of a value; ${NUMBER_BYTES}: a number` },
  churn: { low: 0, high: 100, isWhole: false, what: 'writes in 100 that insert or delete' },
}
export const WORKLOAD_NAMES = Object.keys(LIMITS) as WorkloadNumber[]

export function describeField(name: WorkloadNumber): string {
  return `${LIMITS[name].what} (usually ${USUAL[name]})`
}

/** The value for `name`; `UsageError` if it is outside the limits. */
export function checked(name: WorkloadNumber, value: unknown): number {
  const { low, high, isWhole, what } = LIMITS[name]
  if (typeof value === 'number' && value >= low && value <= high && (!isWhole || Number.isInteger(value))) return value
  throw new UsageError(
    `${name} is ${JSON.stringify(value) ?? 'missing'}; give ${isWhole ? 'a whole number' : 'a number'} from ${low} to ${high} (${what})`,
  )
}

export const VALUE_TYPES = ['text', 'objects'] as const

/** `undefined` for text, as a workload has it. */
export function valueTypeFor(type: (typeof VALUE_TYPES)[number]): Workload['valueType'] {
  return type === 'text' ? undefined : type
}

function valueTypeIn(file: string, value: unknown): Workload['valueType'] {
  const type = VALUE_TYPES.find(each => each === value)
  if (type === undefined)
    throw new UsageError(`${file} has the valueType ${JSON.stringify(value)}; give ${VALUE_TYPES.join(' or ')}`)
  return valueTypeFor(type)
}

/** The factors in a JSON file: `{ "reads": 95, "keys": 50000 }`; the caller fills in the others from `USUAL`. */
export function readWorkload(path: string): Partial<Workload> {
  const file = resolve(path)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(
      `cannot read ${file} (${codeOf(error)}); give a JSON file such as {"reads": 95, "keys": 50000}`,
    )
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is not JSON; give something like {"reads": 95, "keys": 50000}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${file} is no JSON object; give something like {"reads": 95, "keys": 50000}`)
  }
  const entries = Object.entries(parsed).map(([name, value]) => {
    if (name === 'valueType') return [name, valueTypeIn(file, value)]
    if (!WORKLOAD_NAMES.includes(name as WorkloadNumber)) {
      throw new UsageError(
        `${file} has the unknown field ${JSON.stringify(name)}; it may have ${[...WORKLOAD_NAMES, 'valueType'].join(', ')}`,
      )
    }
    return [name, checked(name as WorkloadNumber, value)]
  })
  return Object.fromEntries(entries) as Partial<Workload>
}
