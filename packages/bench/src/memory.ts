import { flat, random } from '@threadmap/workbench/workload'
import { FastMap, f64, string } from 'threadmap'
import type { Measured, MemoryJob, Subject } from './jobs.js'

const ENTRIES = 1_000_000
/** Entries of the other size have keys of 40 characters instead of 16: another size class in any allocator. */
const OTHER_KEY_LENGTH = 40
/** New entries between two looks at `stats().bytes`: 0.1% of the number that is measured. */
const STEP = 256

const PERCENT = 100

type Numbers = FastMap<string, number>

/** A key of `length` characters: `user:`, and the index padded with zeros. */
function key(index: number, length: number): string {
  return flat(`user:${String(index).padStart(length - 5, '0')}`)
}

function filled(capacity?: number): Numbers {
  const map: Numbers = new FastMap({ key: string, value: f64, ...(capacity === undefined ? {} : { capacity }) })
  for (let i = 0; i < ENTRIES; i++) map.set(key(i, 16), i + 0.5)
  if (map.size !== ENTRIES) throw new Error(`the map holds ${map.size} of ${ENTRIES} entries`)
  return map
}

/** Inserts entries of the other size while the memory stays within `bytes`; returns how many fitted. */
function fitInto(map: Numbers, bytes: number): number {
  let count = 0
  while (true) {
    for (let i = 0; i < STEP; i++) map.set(key(count + i, OTHER_KEY_LENGTH), i + 0.5)
    if (map.stats().bytes > bytes) return count
    count += STEP
  }
}

function bytesPerEntry(map: Numbers): Measured {
  const { bytes, usedBytes, freeBytes, slots } = map.stats()
  const mib = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`
  const note = `${mib(bytes)}, of it ${mib(bytes - usedBytes)} unused, ${mib(freeBytes)} free in pages; ${slots} slots`
  return { value: bytes / ENTRIES, note }
}

/**
 * The share of the memory of a million entries that serves entries of another size, once 90% of the million are deleted. It is
 * counted in entries: those that fit before the memory grows, of those that fit into a new map of as many bytes (90% of them,
 * since 10% of the old entries stay). Memory that was never used before the deletion does not count as reused.
 */
function reuse(seed: number): Measured {
  const map = filled()
  const { bytes, usedBytes } = map.stats()
  const next = random(seed)
  let deleted = 0
  for (let i = 0; i < ENTRIES; i++) if (next() < 0.9 && map.delete(key(i, 16))) deleted++
  const fitted = fitInto(map, bytes)
  if (map.size < ENTRIES - deleted + fitted) throw new Error('entries were lost')

  const fitsNew = fitInto(new FastMap({ key: string, value: f64 }), bytes)
  const unused = ((bytes - usedBytes) / bytes) * fitsNew
  const share = (fitted - unused) / (fitsNew * (deleted / ENTRIES))
  const note = `${deleted} deleted; ${fitted} of the other size fitted, ${fitsNew} fit into a new map of those bytes`
  return { value: share * PERCENT, note }
}

/** Measures the memory once, at the first round, since memory does not vary from round to round. */
export function memory(job: MemoryJob): Subject {
  let result: Measured | undefined
  return () => {
    if (job.measure === 'reuse') result ??= reuse(job.seed)
    else result ??= bytesPerEntry(filled(job.measure === 'presized' ? ENTRIES : undefined))
    return result
  }
}
