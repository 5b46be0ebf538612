/**
 * Workloads: which keys exist, in which order threads use them, and the operations. Everything follows from the seed, so
 * that every subject gets the same operations; go/workload.go makes them for Go's maps.
 */

export interface Workload {
  /** Keys that exist throughout; reads and updates use these keys. */
  readonly keys: number
  /** Reads in 100 operations. */
  readonly reads: number
  /** Exponent of a Zipf distribution of the keys; 0: uniform. */
  readonly zipf: number
  readonly threads: number
  /** Length of the values in bytes; values of 8 bytes are numbers. */
  readonly valueBytes: number
  /** Writes in 100 that insert a new key or delete the oldest such key; the others update. */
  readonly churn: number
  /** Values that are no numbers are objects whose JSON has about `valueBytes` bytes; absent: they are text. */
  readonly valueType?: 'objects' | undefined
}

/** The factors of a workload that are numbers. */
export type WorkloadNumber = Exclude<keyof Workload, 'valueType'>

/** What the values are: numbers, text or objects. */
export function valueTypeOf({
  valueBytes,
  valueType,
}: Pick<Workload, 'valueBytes' | 'valueType'>): 'numbers' | 'text' | 'objects' {
  return valueBytes === NUMBER_BYTES ? 'numbers' : (valueType ?? 'text')
}

/** The workload in words: `90% reads, 4,096 keys, zipf 0.99, 2 threads, 64 B values, 10% of the writes insert or delete`. */
export function workloadText({ keys, reads, zipf, threads, valueBytes, churn, valueType }: Workload): string {
  const type = valueTypeOf({ valueBytes, valueType })
  return [
    `${reads}% reads`,
    `${keys.toLocaleString('en-US')} keys`,
    zipf > 0 ? `zipf ${zipf}` : 'uniform',
    threads === 1 ? '1 thread' : `${threads} threads`,
    type === 'numbers' ? type : type === 'objects' ? `objects of ${valueBytes} B` : `${valueBytes} B values`,
    ...(churn > 0 ? [`${churn}% of the writes insert or delete`] : []),
  ].join(', ')
}

/** Values of this size are numbers (`f64`); others are text. */
export const NUMBER_BYTES = 8

/** The seed of all random choices, unless the user gives another. */
export const DEFAULT_SEED = 20261123

/** 2^32, to turn 32 random bits into a fraction. */
const TWO_32 = 4294967296
/** Ids are six digits, as in `user:123456`: 100000 to 999999. When these are used up, ids of seven digits follow, then of eight. */
const FIRST_ID = 100_000
const IDS = 900_000
/** A prime that does not divide 900,000 or ten times as much: multiples of it visit every id once before one repeats. */
const ID_STEP = 524_287
/** Length of `user:123456`. */
export const KEY_LENGTH = 11

/** The generator mulberry32: good enough for choosing keys, and small, since go/workload.go has it too. Returns fractions in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / TWO_32
  }
}

/** The `index`-th id; all ids are different. */
export function id(index: number): number {
  let [rest, first, ids] = [index, FIRST_ID, IDS]
  while (rest >= ids) {
    rest -= ids
    first *= 10
    ids *= 10
  }
  return first + ((rest * ID_STEP) % ids)
}

/**
 * Keys `user:123456`, all different, as flat one-byte strings that are not hashed yet, like strings from a parser
 * or a socket. (A concatenation would leave a rope, and the first look-up would pay for flattening it.)
 */
export function userKeys(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => flat(`user:${id(from + i)}`))
}

/**
 * The keys of `userKeys` side by side in one buffer. A look-up slices a new string out of the buffer, as a parser does: the string
 * is not internalised, and its hash is not computed yet. All of them have `KEY_LENGTH`, so there are 900,000; `RangeError` for more.
 */
export function keyBytes(count: number, from = 0): Buffer {
  if (from + count > IDS) throw new RangeError(`there are ${IDS} keys of ${KEY_LENGTH} bytes, not ${from + count}`)
  const bytes = Buffer.alloc(count * KEY_LENGTH)
  for (let i = 0; i < count; i++) bytes.write(`user:${id(from + i)}`, i * KEY_LENGTH, 'latin1')
  return bytes
}

/**
 * The order of reads of one thread: whole shuffles of all keys one after another, so that each key is read equally
 * often. It has at least 8,192 reads: the branch predictor would learn a shorter order, and a longer one (64 KB of pointers)
 * would take the L2 cache away from the map of 4,096 keys.
 */
export function readOrder(keys: number, seed: number): Uint32Array {
  const next = random(seed)
  const repeats = Math.ceil(8192 / keys)
  const order = new Uint32Array(keys * repeats)
  for (let r = 0; r < repeats; r++) {
    const part = order.subarray(r * keys, (r + 1) * keys)
    for (let i = 0; i < keys; i++) part[i] = i
    for (let i = keys - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1))
      const swapped = part[i]
      part[i] = part[j]
      part[j] = swapped
    }
  }
  return order
}

/** Keys that come and go during the run, different ones for each thread. */
export function temporaryKeys(thread: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => flat(`sess:${thread}:${(i * ID_STEP) % IDS}`))
}

/** A flat one-byte string. A concatenation would leave a rope, and the first look-up would pay for flattening it. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** A value of `valueBytes` bytes; its first bytes identify it. */
export function valueFor(index: number, valueBytes: number): number | string {
  if (valueBytes === NUMBER_BYTES) return index + 0.5
  return flat(`${index}:`.padEnd(valueBytes, 'v').slice(0, valueBytes))
}

/**
 * An object whose JSON has about `valueBytes` bytes: a record with a list of small records, as programs have them, and a text that fills
 * it up. (One long text would be cheaper to copy and to parse than any real object.)
 */
export function objectFor(index: number, valueBytes: number): object {
  const id = 1000 + (index % 1000)
  const items = Array.from({ length: Math.max(0, Math.floor((valueBytes - OBJECT_FRAME) / ITEM_BYTES)) }, (_, i) => ({
    at: 1000 + (i % 1000),
    sku: flat(`item-${1000 + (i % 1000)}`),
    price: 12.5,
    tags: ['new', 'red'],
  }))
  const rest = Math.max(0, valueBytes - OBJECT_FRAME - items.length * ITEM_BYTES)
  return { id, items, note: flat('v'.repeat(rest)) }
}

/** The JSON of such an object without items and note, and of an item with its comma. */
const OBJECT_FRAME = 31
const ITEM_BYTES = 64

/** The kind of an operation, in its two lowest bits; the key's index is in the bits above. */
export const Operation = { get: 0, update: 1, insert: 2, remove: 3 } as const

/** Keys that come and go: half of these are in the map at any time. */
export function temporaryCount({ keys }: Workload): number {
  return Math.min(4096, Math.max(64, 2 ** Math.floor(Math.log2(Math.max(1, keys / 4)))))
}

/**
 * The operations of one thread, which it repeats until its time is up: `index * 4 + Operation`. There are 2^15 of them (128 KB) if
 * the keys fit the L2 cache, and otherwise 2^18, which touch 93% of 100,000 keys.
 *
 * Insertions and removals of temporary keys alternate and go round: at any time half of the temporary keys are in the map. The
 * list has whole rounds, so that repeating it repeats the pattern.
 */
export function operations(workload: Workload, thread: number, seed: number): Uint32Array {
  // Seeds of threads are far apart: with `seed + thread` two runs with neighbouring seeds would share most of their lists.
  const next = random(seed + thread * 7919)
  const pick = indexPicker(workload.keys, workload.zipf, next)
  const ops = new Uint32Array(workload.keys <= 8192 ? 1 << 15 : 1 << 18)
  const temporary = temporaryCount(workload)
  let inserted = temporary / 2
  let insertNext = true
  for (let i = 0; i < ops.length; i++) {
    if (next() * 100 < workload.reads) {
      ops[i] = pick() * 4 + Operation.get
    } else if (next() * 100 >= workload.churn) {
      ops[i] = pick() * 4 + Operation.update
    } else if (insertNext) {
      ops[i] = (inserted % temporary) * 4 + Operation.insert
      insertNext = false
    } else {
      ops[i] = ((inserted + temporary / 2) % temporary) * 4 + Operation.remove
      inserted++
      insertNext = true
    }
  }
  return ops
}

/** Draws indexes below `count`, uniformly or by a Zipf distribution (0 is then the most frequent). */
export function indexPicker(count: number, zipf: number, next: () => number): () => number {
  if (zipf <= 0) return () => Math.floor(next() * count)
  const cumulated = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1) ** zipf
    cumulated[i] = sum
  }
  return () => {
    const target = next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulated[middle] < target) low = middle + 1
      else high = middle
    }
    return low
  }
}
