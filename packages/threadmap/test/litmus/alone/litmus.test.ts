/**
 * Litmus tests on real threads: the orders that the kernel relies on, made of its own accesses (kernel/atomics.ts) and compiled with its
 * own options. docs/memory-order.md argues for every machine; these tests look for violations on this one.
 */
import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { LitmusExports, LitmusJobs } from '../../programs/litmus.js'
import { PATIENCE, untilSeen } from '../../support/patience.js'
import { duration } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<LitmusJobs>('litmus')

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const RESULTS = 65_536
const PAGE = 65_536
/** Iterations of a shape: 60 to 200 ns each where two cores are free, far more where they are not. */
const COUNT = Math.min(duration(30_000), 20_000_000)

let module: Uint8Array

before(async () => {
  const { default: asc } = await import('assemblyscript/asc')
  const options = (await import(new URL('../../../../tools/asc-options.mjs', import.meta.url).href)) as {
    ASC_OPTIONS: string[]
  }
  let compiled: Uint8Array | undefined
  const stderr = asc.createMemoryStream()
  const files = ['test/litmus/assembly/litmus.ts', '--baseDir', root, '--outFile', 'litmus.wasm']
  const { error } = await asc.main([...files, ...options.ASC_OPTIONS, '--use', 'EXPLORE=0'], {
    stderr,
    writeFile(name, contents) {
      if (name.endsWith('.wasm')) compiled = contents as Uint8Array
    },
  })
  assert.ok(!error && compiled, `asc: ${stderr}`)
  module = compiled
})

/** Runs both sides of a shape; returns the memory and where each side's results are. */
async function race(shape: keyof LitmusExports, plain = false): Promise<{ words: Uint8Array; at: [number, number] }> {
  const room = Math.ceil((COUNT + 1) / PAGE) * PAGE
  const pages = (RESULTS + 2 * room) / PAGE
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  const at: [number, number] = [RESULTS, RESULTS + room]
  const tasks = at.map((results, role) => ({ module, memory, shape, role, count: COUNT, results, plain }))
  await run(team('side', tasks, { deadline: PATIENCE + duration(1000) }))
  return { words: new Uint8Array(memory.buffer), at }
}

/** In how many iterations neither side saw the other's store. */
async function bothBlind(shape: keyof LitmusExports, plain = false): Promise<number> {
  const { words, at } = await race(shape, plain)
  let blind = 0
  for (let i = 1; i <= COUNT; i++) if (words[at[0] + i] === 0 && words[at[1] + i] === 0) blind++
  return blind
}

test('store buffering: of two threads that store and then look at the other, one sees it', async () => {
  assert.equal(await bothBlind('storeBuffering'), 0)
})

test('store buffering with compare-exchange, as lock words and counts of readers have it', async () => {
  assert.equal(await bothBlind('exchangeBuffering'), 0)
})

const twoCores = { skip: availableParallelism() < 2 && 'two threads never run at once here' }

test('store buffering with plain accesses is seen to fail: the method can tell', twoCores, async t => {
  const attempt = async () => {
    const blind = await bothBlind('storeBuffering', true)
    t.diagnostic(`${blind} of ${COUNT} times neither side saw the other`)
    return blind > 0
  }
  await untilSeen(attempt, 'a store is late')
})

/** In how many iterations side 1 saw both stores, and in how many the second without the first. */
async function outOfOrder(shape: keyof LitmusExports): Promise<{ both: number; wrong: number }> {
  const { words, at } = await race(shape)
  const seen = words.subarray(at[1] + 1, at[1] + 1 + COUNT)
  return { both: seen.filter(code => code === 2).length, wrong: seen.filter(code => code === 1).length }
}

for (const [shape, behaviour] of [
  ['messagePassing', 'message passing: who sees the flag sees the content, which was stored plainly before it'],
  ['freeThenReuse', 'a block that was freed: who sees its new content sees its new generation'],
] as const) {
  test(behaviour, twoCores, async t => {
    const attempt = async () => {
      const { both, wrong } = await outOfOrder(shape)
      t.diagnostic(`${both} of ${COUNT} times the content was seen as it came`)
      assert.equal(wrong, 0)
      return both > 0
    }
    await untilSeen(attempt, 'the sides meet')
  })
}

for (const [shape, behaviour] of [
  ['validatedRead', 'the validated read: between two equal, even headers the content is whole and of that generation'],
  ['valueWord', 'a value block that its word names, with the same generation before and after, is whole'],
] as const) {
  test(behaviour, twoCores, async t => {
    const attempt = async () => {
      const { words, at } = await race(shape)
      const counts = new Uint32Array(words.buffer, at[1], 4)
      const [whole, wrong, invalid, torn] = counts as unknown as [number, number, number, number]
      t.diagnostic(`${whole} whole, ${wrong} wrong, ${invalid} not valid, ${torn} of those torn`)
      assert.equal(wrong, 0)
      // Unless all of these happened, the two sides did not meet, and a read without validation would pass too.
      return whole > 0 && invalid > 0 && torn > 0
    }
    await untilSeen(attempt, 'reads are whole, not valid, and torn')
  })
}
