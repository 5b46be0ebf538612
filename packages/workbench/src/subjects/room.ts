/** How much memory the stores of subjects take, so that a workload that has no room is refused before any thread starts. */
import { getHeapStatistics } from 'node:v8'
import { bytesText } from '../memory.js'
import { KEY_LENGTH, NUMBER_BYTES, type Workload } from '../workload.js'
import { entriesOf } from './stores.js'
import { PRIVATE, type Subject } from './subject.js'

/** The largest shared memory of WebAssembly, and so the largest map, in bytes. */
export const LARGEST_MAP = 2 ** 32
/** The `maxBytes` of a map that is created without the option. */
export const USUAL_MAX_BYTES = 2 ** 30

/** Header of an entry, its slots in the old and the new table while a table doubles, and the rounding of its key. */
const ENTRY_BYTES = 100
/** Size classes are up to a third apart, so that a value takes at most this many times its length, beside its header. */
const CLASS_ROUNDING = 1.4
const VALUE_BYTES = 16
/** Beyond the largest class, values have whole pages, each with a header. */
const LARGEST_CLASS = 2008
const PAGE = 4096
const PAGE_PAYLOAD = 4032
/** The registry, and the first pages of the shards. */
const MAP_BYTES = 4e6

/** An upper bound of the shared memory that one of the five maps takes. `threadmap estimate` has exact figures, which need a fit. */
export function mapBytes(entries: number, keyBytes: number, valueBytes: number): number {
  const value =
    valueBytes <= LARGEST_CLASS
      ? VALUE_BYTES + valueBytes * CLASS_ROUNDING
      : Math.ceil((valueBytes + VALUE_BYTES) / PAGE_PAYLOAD) * PAGE
  return MAP_BYTES + entries * (ENTRY_BYTES + keyBytes * CLASS_ROUNDING + value)
}

/** The `maxBytes` for a map of at most `bytes`: the usual, or more, since it costs address space only. */
export function maxBytesFor(bytes: number): number {
  return bytes * 2 <= USUAL_MAX_BYTES ? USUAL_MAX_BYTES : LARGEST_MAP
}

/** What V8 takes for an entry of a `Map` beside its value: the slot, a key, the headers of both strings. */
const PLAIN_ENTRY_BYTES = 120
/** A thread's V8 and stack: 11 MB (Node 20, 940 threads of this program). */
const THREAD_BYTES = 12e6
/** The part of V8's heap that a store may fill: the collector needs the rest. */
const HEAP_SHARE = 0.7

function plainBytes(workload: Workload): number {
  const { valueBytes } = workload
  return entriesOf(workload) * (PLAIN_ENTRY_BYTES + (valueBytes === NUMBER_BYTES ? 16 : valueBytes))
}

/** An upper bound of what one of the five maps takes for a workload. */
export function sharedBytes(workload: Workload): number {
  return mapBytes(entriesOf(workload), KEY_LENGTH + 5, workload.valueBytes)
}

/** The keys and operations of a thread. */
function threadBytes({ keys }: Workload): number {
  return THREAD_BYTES + keys * 50 + (keys <= 8192 ? 2 ** 17 : 2 ** 20)
}

/** Bytes that a subject takes for a workload, with its threads. */
export function subjectBytes({ type }: Subject, workload: Workload): number {
  const threads = workload.threads * threadBytes(workload)
  switch (type) {
    case 'shared':
      return threads + sharedBytes(workload)
    case 'private':
      return threads + workload.threads * plainBytes(workload)
    default:
      return threads + THREAD_BYTES + plainBytes(workload)
  }
}

/** Why a subject cannot take part in a workload however much memory the machine has; undefined if it can. */
export function tooLarge({ type, name }: Subject, workload: Workload): string | undefined {
  if (type === 'shared') {
    return sharedBytes(workload) <= LARGEST_MAP
      ? undefined
      : `${entriesOf(workload).toLocaleString('en-US')} entries may take ${bytesText(sharedBytes(workload))}, and a map has at most 4 GiB`
  }
  const limit = getHeapStatistics().heap_size_limit * HEAP_SHARE
  const what = name === PRIVATE.name ? "each thread's Map" : 'its Map'
  return plainBytes(workload) <= limit
    ? undefined
    : `${what} would take ${bytesText(plainBytes(workload))}, more than V8's heap of ${bytesText(limit)} has room for`
}

/** Why these subjects cannot measure a workload side by side in `free` bytes, in one line that says what to change; undefined if they can. */
export function noRoom(subjects: readonly Subject[], workload: Workload, free: number): string | undefined {
  for (const subject of subjects) {
    const why = subject.type === 'shared' ? tooLarge(subject, workload) : undefined
    if (why !== undefined) return `${why}; give fewer keys or smaller values`
  }
  const able = subjects.filter(subject => tooLarge(subject, workload) === undefined)
  const needed = able.reduce((sum, subject) => sum + subjectBytes(subject, workload), 0)
  if (needed <= free) return undefined
  const { threads } = workload
  const ofThreads = able.length * threads * threadBytes(workload)
  const advice = ofThreads > needed / 2 && threads > 1 ? 'give fewer threads' : 'give fewer keys or smaller values'
  return `${able.length} subjects with ${threads} thread${threads === 1 ? '' : 's'} each need about ${bytesText(needed)} side by side, and ${bytesText(free)} are free; ${advice}`
}
