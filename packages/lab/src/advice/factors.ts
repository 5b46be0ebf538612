import { NUMBER_BYTES, type Workload } from '@threadmap/workbench/workload'

export type FactorName = 'reads' | 'keys' | 'zipf' | 'threads' | 'valueBytes' | 'turnover'

/** A property of workloads that a tree may ask about. */
export interface Factor {
  readonly name: FactorName
  of(workload: Workload): number
  /** The threshold between two measured levels: half way, on the scale on which the factor acts. */
  between(low: number, high: number): number
  /** The two answers to "is it at most `threshold`?", in words: yes and no. */
  readonly text: (threshold: number) => { readonly question: string; readonly low: string; readonly high: string }
  /** A single value, in words. */
  value(value: number): string
  /** The workload with this factor at `value`. */
  set(workload: Workload, value: number): Workload
}

const halfWay = (low: number, high: number) => (low + high) / 2
/** Sizes act by their order of magnitude. */
const geometric = (low: number, high: number) => Math.round(Math.sqrt(low * high))
const figure = (value: number) =>
  (Number.isInteger(value) ? value : Number(value.toPrecision(4))).toLocaleString('en-US')

function range(what: string, unit = '', show: (value: number) => string = figure): Factor['text'] {
  return threshold => {
    const limit = `${show(threshold)}${unit}`
    return { question: `${what} at most ${limit}?`, low: `${what} ≤ ${limit}`, high: `${what} > ${limit}` }
  }
}

export const FACTORS: readonly Factor[] = [
  {
    name: 'threads',
    of: ({ threads }) => threads,
    between: halfWay,
    text: threshold => {
      const most = Math.floor(threshold)
      const low = most === 1 ? 'one thread' : `at most ${most} threads`
      return { question: `${low}?`, low, high: most === 1 ? 'several threads' : `more than ${most} threads` }
    },
    value: value => (value === 1 ? '1 thread' : `${value} threads`),
    set: (workload, threads) => ({ ...workload, threads: Math.max(1, Math.round(threads)) }),
  },
  {
    name: 'reads',
    of: ({ reads }) => reads,
    between: halfWay,
    text: range('reads', '%'),
    value: value => `${figure(value)}% reads`,
    set: (workload, reads) => ({ ...workload, reads }),
  },
  {
    name: 'keys',
    of: ({ keys }) => keys,
    between: geometric,
    text: range('keys'),
    value: value => `${figure(value)} keys`,
    set: (workload, keys) => ({ ...workload, keys: Math.max(1, Math.round(keys)) }),
  },
  {
    name: 'zipf',
    of: ({ zipf }) => zipf,
    between: halfWay,
    text: threshold => ({
      question: `keys used evenly (zipf at most ${figure(threshold)})?`,
      low: `keys used evenly (zipf ≤ ${figure(threshold)})`,
      high: `some keys hot (zipf > ${figure(threshold)})`,
    }),
    value: value => (value === 0 ? 'keys used evenly' : `zipf ${figure(value)}`),
    set: (workload, zipf) => ({ ...workload, zipf }),
  },
  {
    name: 'valueBytes',
    of: ({ valueBytes }) => valueBytes,
    between: geometric,
    text: range('values', ' B'),
    value: value => (value === NUMBER_BYTES ? 'numbers as values' : `values of ${figure(value)} B`),
    set: (workload, valueBytes) => ({ ...workload, valueBytes: Math.max(1, Math.round(valueBytes)) }),
  },
  {
    // The share of churn in all operations: a share of the writes means little where there are few writes.
    name: 'turnover',
    of: ({ reads, churn }) => ((100 - reads) * churn) / 100,
    between: halfWay,
    text: range('inserts and deletes', '% of operations'),
    value: value => `${figure(value)}% of the operations insert or delete`,
    set: (workload, turnover) => ({
      ...workload,
      churn: workload.reads >= 100 ? 0 : Math.min(100, (100 * turnover) / (100 - workload.reads)),
    }),
  },
]

export function factor(name: FactorName): Factor {
  const found = FACTORS.find(each => each.name === name)
  if (found === undefined) throw new Error(`there is no factor ${name}`)
  return found
}
