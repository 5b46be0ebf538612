/** Three reasons for which a `get` looks at more than its key: they must not forget each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadWatcher } from 'threadmap'

const load = async <T>(file: string): Promise<T> => import(new URL(`../../../dist/maps/${file}`, import.meta.url).href)
const { AttentiveCore } = await load<typeof import('../../dist/maps/attentive-core.js')>('attentive-core.js')
const { ReadCache } = await load<typeof import('../../dist/maps/read-cache.js')>('read-cache.js')

/** A core with a read cache whose steps come after `pauses` reads each; it stands aside after every other one. */
class Core extends AttentiveCore<string> {
  readonly steps: number[] = []
  reads = 0

  constructor(pauses: readonly number[]) {
    super()
    const cache = new ReadCache(16, true, true)
    let step = 0
    Object.defineProperty(cache, 'worth', {
      value: {
        isAside: false,
        step(this: { isAside: boolean }) {
          this.isAside = !this.isAside
          return pauses[step++ % pauses.length]
        },
      },
    })
    cache.countdown = pauses[pauses.length - 1]
    const { worth } = cache
    const next = worth.step.bind(worth)
    worth.step = now => {
      this.steps.push(this.reads)
      return next(now)
    }
    this.useCache(cache)
  }

  /** As `get` of a map, and `getCached`, begin. */
  get(key: string): void {
    this.reads++
    if (this.cache !== undefined && --this.cache.countdown <= 0) this.judgeCache()
    if (this.attention && --this.passing <= 0) this.attend(key)
  }

  override refuse(): never {
    throw new Error('disposed')
  }
}

function watcher(every: number): ReadWatcher & { seen: string[] } {
  const seen: string[] = []
  return {
    seen,
    see(key) {
      seen.push(String(key))
      return every
    },
  }
}

test('a cache that stands aside comes back after as many reads as it was told', () => {
  const core = new Core([100, 40])
  for (let i = 0; i < 1000; i++) core.get('')
  const gaps = core.steps.slice(1).map((at, i) => at - core.steps[i])
  assert.equal(core.steps[0], 40)
  for (const [i, gap] of gaps.entries()) assert.ok(Math.abs(gap - (i % 2 === 0 ? 100 : 40)) <= 1, `${gaps}`)
})

test('a tool that watches sees every seventh read, whatever the cache does', () => {
  const core = new Core([30, 11])
  const seventh = watcher(7)
  core.watch(seventh)
  for (let i = 0; i < 700; i++) core.get(`${i}`)
  const at = seventh.seen.map(Number)
  assert.equal(at[0], 0)
  const gaps = at.slice(1).map((one, i) => one - at[i])
  assert.ok(
    gaps.every(gap => Math.abs(gap - 7) <= 1),
    `${gaps}`,
  )
  assert.ok(core.steps.length > 20, 'and the cache is not forgotten')
  core.watch(undefined)
  for (let i = 0; i < 100; i++) core.get('')
  assert.equal(seventh.seen.length, at.length)
})

test('nothing is asked of a core whose cache is in use and that nobody watches', () => {
  const core = new Core([1000, 1000])
  for (let i = 0; i < 500; i++) core.get('')
  assert.equal(core.attention, false)
  core.watch(watcher(5))
  assert.equal(core.attention, true)
  core.watch(undefined)
  assert.equal(core.attention, false)
})

test('a disposed map refuses the next read, also while its cache stands aside for long', () => {
  const core = new Core([1_000_000, 10])
  for (let i = 0; i < 50; i++) core.get('')
  assert.equal(core.cache, undefined)
  core.close()
  for (let i = 0; i < 3; i++) assert.throws(() => core.get(''), /disposed/)
})
