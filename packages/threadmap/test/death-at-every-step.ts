/**
 * The kernel in its explore flavour calls out before each shared access. Here that call throws, which ends the operation then
 * and there, as a terminated worker's ends: every step of every changing operation is died at once. Afterwards the survivor
 * recovers the dead thread, and the memory must be whole: what was there is there, and the interrupted change is wholly
 * there or wholly absent.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bytes, FastMap, f64, ShardedMap, SyncMap, string } from 'threadmap'

type Kernel = import('../dist/kernel/instance.js').KernelExports
type Scratch = import('../dist/kernel/scratch.js').Scratch
const dist = (file: string): string => new URL(`../../dist/${file}`, import.meta.url).href
const scratchRoom = (await import(dist('kernel/scratch.js'))) as typeof import('../dist/kernel/scratch.js')
const L = (await import(dist('kernel/layout.generated.js'))) as typeof import('../dist/kernel/layout.generated.js')

const explore = new WebAssembly.Module(readFileSync(new URL('../kernel.explore.wasm', import.meta.url)))

class Death extends Error {}

/** A thread that dies before its `limit`th shared access from now on. */
class Victim {
  readonly kernel: Kernel
  readonly scratch: Scratch
  readonly owner: number
  limit = Number.POSITIVE_INFINITY
  steps = 0

  constructor(memory: WebAssembly.Memory) {
    const yieldPoint = (): void => {
      if (this.steps++ >= this.limit) throw new Death()
    }
    // Nobody else runs meanwhile, so there is nobody to wait for or to wake.
    const waitPoint = (): number => assert.fail('the victim waits for nobody')
    const growPoint = (pages: number): number => memory.grow(pages)
    const atomics = { yieldPoint, waitPoint, notifyPoint: () => 0, growPoint }
    const imports = { env: { memory }, thread: { now: () => performance.now() }, atomics }
    this.kernel = new WebAssembly.Instance(explore, imports).exports as unknown as Kernel
    this.owner = this.kernel.register(0, true)
    assert.equal(this.kernel.open(), 0)
    this.scratch = new scratchRoom.Scratch(memory, this.kernel)
    this.scratch.locate()
  }

  /** Runs `action` till it ends or dies; returns whether it ended. */
  runs(limit: number, action: () => void): boolean {
    this.limit = limit
    this.steps = 0
    try {
      action()
      return true
    } catch (error) {
      if (!(error instanceof Death)) throw error
      return false
    } finally {
      this.limit = Number.POSITIVE_INFINITY
    }
  }
}

const large = (n: number): Uint8Array => new Uint8Array(40 + n).fill(n)

const forms = {
  numbers: { value: f64, make: (n: number): unknown => n },
  blocks: { value: bytes, make: (n: number): unknown => large(n) },
} as const

const operations = [
  { name: 'set of a new key', op: L.SET, key: 'new', before: undefined, after: 99 },
  { name: 'set of a known key', op: L.SET, key: 'key 3', before: 3, after: 99 },
  { name: 'swap', op: L.SWAP, key: 'key 3', before: 3, after: 99 },
  { name: 'getOrInsert', op: L.INSERT, key: 'new', before: undefined, after: 99 },
  { name: 'delete', op: L.DELETE, key: 'key 3', before: 3, after: undefined },
  { name: 'getAndDelete', op: L.GET_AND_DELETE, key: 'key 3', before: 3, after: undefined },
  { name: 'clear', op: -1, key: 'key 3', before: 3, after: undefined },
] as const

// 6 entries fill a table of one bucket: a new key makes it grow.
const sizes = [6, 40]

// The three in between differ from FastMap in their locks only; ShardedMap stands for them.
for (const Class of [FastMap, ShardedMap, SyncMap]) {
  for (const [form, { value, make }] of Object.entries(forms)) {
    for (const { name, op, key, before, after } of operations) {
      test(`${Class.name} of ${form}: a thread may die at any step of ${name}`, () => {
        let deaths = 0
        for (const size of sizes) {
          for (let limit = 0; ; limit++) {
            // One shard, so that the table of every operation is the one that grows.
            const sharded = Class !== SyncMap
            const map = new Class<string, unknown>({
              key: string,
              value: value as never,
              capacity: 1,
              ...(sharded ? { shards: 1 } : {}),
              maxBytes: 2 ** 21,
              lockTimeout: 500,
            })
            for (let i = 0; i < size; i++) map.set(`key ${i}`, make(i))
            const victim = new Victim(map.handle.memory)
            const valueMeta = value.write(victim.scratch, scratchRoom.VALUE, make(99) as never)
            const meta = string.write(victim.scratch, scratchRoom.KEY, key)
            const ended = victim.runs(limit, () => {
              const code = op < 0 ? victim.kernel.clearAll() : victim.kernel.change(op, meta, valueMeta, 0)
              assert.ok(code >= 0, `code ${code}`)
            })
            const where = `${size} entries, step ${limit}`
            map.session.recover(victim.owner)
            const found = map.get(key)
            const expected = (n: number | undefined): unknown => (n === undefined ? undefined : make(n))
            const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
            assert.ok(same(found, expected(after)) || (!ended && same(found, expected(before))), where)
            for (let i = 0; i < size && op >= 0; i++) {
              if (`key ${i}` !== key) assert.deepEqual(map.get(`key ${i}`), make(i), where)
            }
            assert.deepEqual(map.audit(), [], where)
            // The map goes on.
            for (let i = 0; i < 20; i++) map.set(`later ${i}`, make(i))
            for (let i = 0; i < 20; i++) assert.deepEqual(map.get(`later ${i}`), make(i), where)
            assert.equal(map.delete('later 7'), true)
            assert.deepEqual(map.audit(), [], where)
            map[Symbol.dispose]()
            if (ended) break
            deaths++
          }
        }
        assert.ok(deaths > 12, `${deaths} deaths`)
      })
    }
  }
}
