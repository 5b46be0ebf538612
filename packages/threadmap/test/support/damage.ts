/** Maps to damage: of every kind, with some history. */
import { type ConcurrentMap, json, string } from 'threadmap'
import { L } from '../explore/thread.js'
import { ALL_KINDS } from './kinds.js'
import { attachMap, createMap } from './maps.js'
import type { Random } from './random.js'

export type AnyMap = ConcurrentMap<string, unknown>

export interface Trial {
  readonly map: AnyMap
  readonly name: string
  readonly words: Uint32Array
  /** The first and last byte of each part of the memory. The later parts have the structure. */
  readonly parts: readonly (readonly [number, number])[]
  attach(): AnyMap
}

/** The map of this trial. Its time-outs are short: damage can look like a lock that a thread holds. */
export function trialMap(random: Random, trial: number): Trial {
  const kind = ALL_KINDS[trial % ALL_KINDS.length]
  const options = { key: string, value: json<unknown>(), maxBytes: 4 * 2 ** 20, lockTimeout: 20, computeTimeout: 20 }
  const map = createMap(kind, options)
  const entries = 100 + random.below(300)
  for (let i = 0; i < entries; i++) map.set(`key ${i}`, { i, text: 'y'.repeat(random.below(300)) })
  for (let i = 0; i < entries; i += 3) map.delete(`key ${i}`)
  map.set('long', { text: 'z'.repeat(10_000) })
  const { handle } = map
  const words = new Uint32Array(handle.memory.buffer)
  const word = (address: number): number => words[address >>> 2]
  const pages = word(L.H_PAGE_TABLE) + (word(L.H_HEAP_START) / L.PAGE) * 4
  const used = word(L.H_PAGES_USED)
  return {
    map,
    name: kind,
    words,
    parts: [
      [0, words.byteLength],
      [0, L.SHARDS],
      [L.SHARDS, L.SHARDS + L.SHARD_SIZE * 2 ** word(L.H_SHARD_BITS)],
      [pages, pages + used * 4],
      [word(L.H_HEAP_START), word(L.H_HEAP_START) + used * L.PAGE],
      [word(L.H_HEAP_START), word(L.H_HEAP_START) + used * L.PAGE],
    ],
    attach: () => attachMap(handle),
  }
}
