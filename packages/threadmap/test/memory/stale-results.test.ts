/**
 * A thread's scratch pages begin with whatever their last owner left there, and each operation leaves its own result: none may read
 * what it did not write itself. Between any two operations the area of results, and those of values, are filled with garbage.
 */
import assert from 'node:assert/strict'
import { bytes, f64, i64, string, u32 } from 'threadmap'
import { ALL_KINDS } from '../support/kinds.js'
import { createMap } from '../support/maps.js'
import type { Random } from '../support/random.js'
import { seeded } from '../support/seeded.js'

const dist = new URL('../../../dist/bridge/layout.generated.js', import.meta.url).href
const L = (await import(dist)) as typeof import('../../dist/bridge/layout.generated.js')

/** Fills the scratch pages of the thread in the first place of the registry. */
function spoil(memory: WebAssembly.Memory, random: Random): void {
  const words = new Uint32Array(memory.buffer)
  for (let i = 0; i < L.AREA_PAGES; i++) {
    const page = words[(L.REGISTRY + L.S_AREAS) / 4 + i] as number
    assert.ok(page > 0 && page % L.PAGE === 0)
    words.fill(random.next(), page / 4, (page + L.PAGE) / 4)
  }
}

const values = {
  f64: { codec: f64, of: (random: Random) => random.below(1000), sum: (a: number, b: number) => a + b },
  u32: { codec: u32, of: (random: Random) => random.below(1000), sum: (a: number, b: number) => (a + b) >>> 0 },
  i64: { codec: i64, of: (random: Random) => BigInt(random.below(1000)), sum: (a: bigint, b: bigint) => a + b },
  string: { codec: string, of: (random: Random) => 'x'.repeat(random.below(3000)), sum: undefined },
  bytes: { codec: bytes, of: (random: Random) => new Uint8Array(random.below(3000)), sum: undefined },
} as const

for (const kind of ALL_KINDS) {
  for (const [name, { codec, of, sum }] of Object.entries(values)) {
    seeded(`${kind} of ${name} values: no operation reads a result that it did not write`, random => {
      using map = createMap<string, unknown>(kind, { key: string, value: codec as never, shards: 1 })
      const model = new Map<string, unknown>()
      const add = sum as ((a: unknown, b: unknown) => unknown) | undefined
      const operations: ((key: string, value: unknown) => [found: unknown, expected: unknown])[] = [
        (key, value) => [map.set(key, value).size, model.set(key, value).size],
        key => [map.get(key), model.get(key)],
        key => [map.has(key), model.has(key)],
        key => [map.delete(key), model.delete(key)],
        (key, value) => {
          const before = model.get(key)
          model.set(key, value)
          return [map.swap(key, value), before]
        },
        (key, value) => {
          if (!model.has(key)) model.set(key, value)
          return [map.getOrInsert(key, value), model.get(key)]
        },
        key => {
          const before = model.get(key)
          model.delete(key)
          return [map.getAndDelete(key), before]
        },
        (key, value) => {
          model.set(key, value)
          return [map.update(key, () => value), value]
        },
        (key, value) => {
          const before = model.get(key)
          if (before === undefined) return [undefined, undefined]
          model.set(key, value)
          return [map.compareAndSwap(key, before, value), true]
        },
        (key, value) => {
          if (add === undefined) return [undefined, undefined]
          model.set(key, model.has(key) ? add(model.get(key), value) : value)
          return [map.add(key, value), model.get(key)]
        },
        () => [new Map([...map].sort()), new Map([...model].sort())],
      ]
      for (let step = 0; step < 1000; step++) {
        const key = `key ${random.below(12)}`
        const operate = operations[random.below(operations.length)] as (typeof operations)[number]
        spoil(map.handle.memory as WebAssembly.Memory, random)
        const [found, expected] = operate(key, of(random))
        assert.deepEqual(found, expected, `step ${step}`)
      }
    })
  }
}
