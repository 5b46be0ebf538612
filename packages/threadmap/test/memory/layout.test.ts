/**
 * No two fields of the shared memory may overlap: two of them at one address compile, pass nearly every test, and give a lock the
 * number of reserved pages for its patience.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

const dist = new URL('../../../dist/bridge/layout.generated.js', import.meta.url).href
const layout = (await import(dist)) as typeof import('../../dist/bridge/layout.generated.js')

/** The bytes of fields that are more than one 32-bit word. */
const SIZES: Readonly<Record<string, number>> = {
  H_SEED: 8,
  H_CLAIM_OWNERS: layout.SLOT_COUNT / 8,
  H_EMPTY_TABLE: 64,
  H_TEXT: layout.TEXT_MAX,
  C_HASH: 8,
  S_PENDING: 8,
  S_AREAS: layout.AREA_PAGES * 4,
  S_HOLDS: layout.HOLD_COUNT * 4,
  D_TABLE: 8,
  D_DIRTY: 8,
  D_LOCK_WAITED: 8,
  D_HEAP: layout.SHARD_SIZE - layout.D_HEAP,
  // A list per class of blocks, up to the next field.
  P_PARTIAL: layout.P_EMPTY - layout.P_PARTIAL,
  R_WORD: 8,
  R_FRESH_UNTIL: 8,
  R_CREATED: 8,
}

/** The structures: the prefix of their fields' names, their size, and names with the prefix that are no fields. */
const STRUCTURES: readonly { prefix: string; size: number; not?: RegExp }[] = [
  { prefix: 'H_', size: layout.HASH_KEYS },
  { prefix: 'S_', size: layout.SLOT_SIZE },
  { prefix: 'D_', size: layout.SHARD_SIZE },
  // P_LOCK and P_HEAP are places in a thread heap, which holds such a heap.
  { prefix: 'P_', size: layout.HEAP_STRIDE - layout.P_HEAP, not: /^P_(LOCK|HEAP)$/ },
  { prefix: 'K_', size: layout.LOCK_BYTES },
  // The result area has other fields for a batch of an iteration, for a key that a claim holds, and for a load that begins.
  { prefix: 'R_', size: layout.R_BYTES, not: /^R_(BYTES|SCAN_.*|HELD_.*|LOAD_.*)$/ },
  { prefix: 'R_SCAN_', size: layout.R_BYTES },
  { prefix: 'R_HELD_', size: layout.R_BYTES },
  { prefix: 'R_LOAD_', size: layout.R_BYTES },
  { prefix: 'C_', size: layout.PAGE, not: /^C_(HEADER|ENDED|PREVIOUS_PAGE|LAST|SIZE)$/ },
]

for (const { prefix, size, not } of STRUCTURES) {
  test(`fields ${prefix}… do not overlap`, () => {
    const fields = Object.entries(layout)
      .filter(([name]) => name.startsWith(prefix) && !not?.test(name))
      .map(([name, at]) => ({ name, at: Number(at), end: Number(at) + (SIZES[name] ?? 4) }))
      .sort((a, b) => a.at - b.at)
    assert.ok(fields.length > 1, `${fields.length} fields`)
    fields.forEach((field, i) => {
      assert.equal(field.at % 4, 0, `${field.name} stands at ${field.at}`)
      assert.ok(field.end <= size, `${field.name} ends at ${field.end}, the structure at ${size}`)
      const next = fields[i + 1]
      if (next) assert.ok(field.end <= next.at, `${field.name} ends at ${field.end}, ${next.name} begins at ${next.at}`)
    })
  })
}
