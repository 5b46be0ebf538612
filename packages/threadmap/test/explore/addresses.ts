/** Names for the words that a schedule's trace mentions. */
import { L } from './thread.js'
import type { World } from './world.js'

const headerWords: Record<number, string> = {
  [L.H_HEAP_LOCK]: 'heap lock',
  [L.H_PAGES_SEEN]: 'pages seen',
  [L.H_GENERATION]: 'highest generation',
  [L.H_CLAIM_LOCK]: "claims' lock",
  [L.H_RECOVERIES]: 'recoveries',
  [L.H_REGISTRY_EPOCH]: 'registry epoch',
  [L.H_SLOTS]: 'registry slots in use',
}

const shardWords: Record<number, string> = {
  [L.D_TABLE]: 'table word',
  [L.D_LOCK]: "shard's lock",
  [L.D_READERS]: "readers' word",
  [L.D_USED]: 'count of entries',
  [L.D_DIRTY]: "dirty's table word",
  [L.D_DIRTY_USED]: "dirty's count",
  [L.D_MISSES]: 'misses',
  [L.D_EXPUNGED]: 'count of expunged',
}

export function describeAddress(world: World, address: number): string {
  const hex = `0x${address.toString(16)}`
  const word = (at: number): number => world.words[at >>> 2] >>> 0
  if (address < L.HASH_KEYS) return headerWords[address] ?? `header ${hex}`
  if (address < L.REGISTRY) return `secret words ${hex}`
  if (address < L.SHARDS) {
    const slot = Math.floor((address - L.REGISTRY) / L.SLOT_SIZE)
    return `registry slot ${slot + 1} +${(address - L.REGISTRY) % L.SLOT_SIZE}`
  }
  if (address < L.SHARDS + L.SHARD_SIZE) {
    const offset = address - L.SHARDS
    return shardWords[offset] ?? shardWords[offset & ~7] ?? `shard's heap +${offset - L.D_HEAP}`
  }
  const heaps = word(L.H_THREAD_HEAPS)
  if (heaps !== 0 && address >= heaps && address < heaps + L.SLOT_COUNT * L.HEAP_STRIDE) {
    return `heap of thread ${Math.floor((address - heaps) / L.HEAP_STRIDE) + 1} +${(address - heaps) % L.HEAP_STRIDE}`
  }
  if (address < word(L.H_HEAP_START)) return `page table ${hex}`
  const table = word(L.SHARDS + L.D_TABLE)
  const dirty = word(L.SHARDS + L.D_DIRTY)
  for (const [name, at] of [
    ['table', table],
    ["dirty's table", dirty],
  ] as const) {
    const from = (at & ~63) >>> 0
    if (from !== 0 && address >= from && address < from + 64 * 2 ** (at & 31)) {
      const bucket = Math.floor((address - from) / 64)
      const slot = ((address - from) % 64) / 8
      return `${name} bucket ${bucket} ${slot === 0 ? 'tags' : `slot ${slot - 1}`}`
    }
  }
  const page = Math.floor(address / L.PAGE)
  const kind = word(word(L.H_PAGE_TABLE) + page * 4)
  const size = word(page * L.PAGE + 20)
  if ((kind & 15) === 1 && address % L.PAGE >= 64 && size > 0) {
    const offset = (address % L.PAGE) - 64
    return `block ${hex.slice(0, -3)}000/${Math.floor(offset / size)} +${offset % size}`
  }
  return `page ${page} +${address % L.PAGE}`
}
