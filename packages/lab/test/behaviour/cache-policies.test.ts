import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { UsageError } from '@threadmap/workbench/errors'
import { random } from '@threadmap/workbench/workload'
import { Lru } from '#lab/cache/policies/lru.js'
import { ADAPTIVE, S3Fifo } from '#lab/cache/policies/s3-fifo.js'
import { bestRatio, distinctKeys, hitRatio, POLICY_MAKERS, sharded } from '#lab/cache/simulate.js'
import { type AccessTrace, GENERATED, readAccessTrace } from '#lab/cache/traces.js'
import { writeTrace } from '#lab/trace/format.js'

/** The simulated policies: against models that are too slow but plain, and what is known of them on generated traces. */

const folder = mkdtempSync(join(tmpdir(), 'threadmap-traces-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const EXTENT = { requests: 60_000, keys: 6_000 }
const made = (name: string): AccessTrace => GENERATED[name]!(EXTENT, 1)

/** Any trace, of `length` requests for `keys` keys. */
function anyTrace(length: number, keys: number, seed: number): Uint32Array {
  const next = random(seed)
  return Uint32Array.from({ length }, () => Math.floor(next() ** 2 * keys))
}

test('LRU keeps the keys that a Map in order of use keeps', () => {
  for (const capacity of [1, 2, 7, 50]) {
    const trace = anyTrace(5000, 60, capacity)
    const lru = new Lru(capacity, 60)
    const model = new Map<number, true>()
    for (const key of trace) {
      assert.equal(lru.access(key), model.delete(key))
      model.set(key, true)
      if (model.size > capacity) model.delete(model.keys().next().value as number)
      assert.equal(lru.size, model.size)
    }
  }
})

test('SIEVE evicts as its paper says', () => {
  for (const capacity of [1, 2, 5, 20]) {
    const trace = anyTrace(4000, 40, capacity)
    const sieve = POLICY_MAKERS.SIEVE!(capacity, 40)
    // From the newest to the oldest; the hand is the key of an entry, or undefined for the tail.
    const queue: { key: number; used: boolean }[] = []
    let hand: { key: number; used: boolean } | undefined
    for (const key of trace) {
      const found = queue.find(each => each.key === key)
      assert.equal(sieve.access(key), found !== undefined)
      if (found) {
        found.used = true
        continue
      }
      if (queue.length === capacity) {
        let at = hand === undefined ? queue.length - 1 : queue.indexOf(hand)
        while (queue[at]!.used) {
          queue[at]!.used = false
          at = at === 0 ? queue.length - 1 : at - 1
        }
        hand = queue[at - 1]
        queue.splice(at, 1)
      }
      queue.unshift({ key, used: false })
    }
  }
})

test('the optimum is what trying every victim finds, and no policy is better', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const trace = anyTrace(14, 6, seed)
    const best = (at: number, cache: readonly number[]): number => {
      if (at === trace.length) return 0
      const key = trace[at] as number
      if (cache.includes(key)) return 1 + best(at + 1, cache)
      if (cache.length < 3) return best(at + 1, [...cache, key])
      return Math.max(...cache.map(victim => best(at + 1, [...cache.filter(each => each !== victim), key])))
    }
    assert.equal(Math.round((bestRatio(trace, 3) * trace.length) / 100), best(0, []), `seed ${seed}`)
  }
  for (const name of Object.keys(GENERATED)) {
    const { requests } = made(name)
    const best = bestRatio(requests, 300)
    for (const [policy, make] of Object.entries(POLICY_MAKERS)) {
      const ratio = hitRatio(requests, 300, make)
      assert.ok(ratio > 0 && ratio <= best, `${policy} on ${name}: ${ratio} of at most ${best}`)
    }
  }
})

test('no policy exceeds its capacity, and each fills it', () => {
  const { requests, distinct } = made('scans')
  const makers = { ...POLICY_MAKERS, 'in shards': sharded(4, (capacity, keys) => new Lru(capacity, keys)) }
  for (const [name, make] of Object.entries(makers)) {
    for (const capacity of [4, 10, 101]) {
      const policy = make(capacity, distinct)
      for (const key of requests) {
        policy.access(key)
        assert.ok(policy.size <= capacity, `${name}: ${policy.size} of ${capacity}`)
      }
      assert.equal(policy.size, capacity, name)
    }
  }
})

test('scans and loops cost LRU more than S3-FIFO; a set that moves costs SIEVE more than LRU', () => {
  const ratio = (trace: string, policy: string) => hitRatio(made(trace).requests, 600, POLICY_MAKERS[policy]!)
  assert.ok(ratio('scans', 'S3-FIFO') > ratio('scans', 'LRU') + 3)
  assert.ok(ratio('loop', 'S3-FIFO') > ratio('loop', 'LRU') + 5)
  assert.ok(ratio('shifting', 'LRU') > ratio('shifting', 'SIEVE') + 1)
})

test('the adaptive small queue costs little on any generated trace', () => {
  for (const name of Object.keys(GENERATED)) {
    for (const capacity of [60, 600]) {
      const { requests } = made(name)
      const [adaptive, plain] = [POLICY_MAKERS['adaptive S3-FIFO']!, POLICY_MAKERS['S3-FIFO']!]
      const difference = hitRatio(requests, capacity, adaptive) - hitRatio(requests, capacity, plain)
      assert.ok(difference > -1.5, `${name}, ${capacity}: ${difference}`)
    }
  }
})

test('keys that are asked for twice, further apart than the small queue is long: it becomes longer', () => {
  // Each key is asked for once, and a second time when 30 others have come: LRU answers each second request.
  const trace = Uint32Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? i / 2 + 30 : (i - 1) / 2))
  const ratio = (policy: string) => hitRatio(trace, 100, POLICY_MAKERS[policy]!)
  assert.ok(ratio('LRU') > 49)
  assert.ok(ratio('S3-FIFO') < 5, `${ratio('S3-FIFO')}`)
  assert.ok(ratio('adaptive S3-FIFO') > 45, `${ratio('adaptive S3-FIFO')}`)
  const policy = new S3Fifo(100, 20_100, { adaptive: ADAPTIVE })
  for (const key of trace) policy.access(key)
  assert.ok(policy.share > 0.4 && policy.share <= ADAPTIVE.most, `${policy.share}`)
})

test('generated traces follow from their seed, and have the size that was asked for', () => {
  for (const [name, make] of Object.entries(GENERATED)) {
    const trace = make(EXTENT, 7)
    assert.deepEqual(make(EXTENT, 7).requests, trace.requests, name)
    assert.notDeepEqual(make(EXTENT, 8).requests, trace.requests, name)
    assert.equal(trace.requests.length, EXTENT.requests)
    assert.equal(trace.distinct, distinctKeys(trace.requests))
    assert.ok(trace.distinct > EXTENT.keys / 4, `${name}: ${trace.distinct}`)
  }
})

test('a trace in a file has one key a line, gzipped or not, and is renumbered', async () => {
  const keys = Array.from({ length: 500 }, (_, i) => `/page/${(i * i) % 37}`)
  const text = `${keys.join('\n')}\n`
  const plain = join(folder, 'keys.txt')
  writeFileSync(plain, text)
  writeFileSync(`${plain}.gz`, gzipSync(text))
  writeFileSync(join(folder, 'windows.txt'), keys.join('\r\n'))
  const trace = await readAccessTrace(plain)
  assert.deepEqual(
    { ...trace, requests: trace.requests.length },
    { name: 'keys.txt', requests: 500, distinct: new Set(keys).size },
  )
  const numbers = new Map<string, number>()
  keys.forEach((key, i) => {
    if (!numbers.has(key)) numbers.set(key, numbers.size)
    assert.equal(trace.requests[i], numbers.get(key))
  })
  assert.deepEqual((await readAccessTrace(`${plain}.gz`)).requests, trace.requests)
  assert.deepEqual((await readAccessTrace(join(folder, 'windows.txt'))).requests, trace.requests)
  assert.deepEqual((await readAccessTrace(plain, 200)).requests, trace.requests.slice(0, 200))
})

test('what record(map, file) wrote is a trace too: reads and writes of all threads, without deletes', async () => {
  const file = join(folder, 'recorded')
  const trace = (thread: number, ops: string, ids: number[]) => ({
    pid: 1,
    thread,
    startedAt: '2026-11-27T00:00:00Z',
    map: 'FastMap',
    every: 1,
    operations: ops.length,
    seconds: 1,
    entries: { last: 1, most: 1 },
    keys: { type: 'string', lengths: [1] } as const,
    values: { type: 'number', bytes: [8] } as const,
    iterations: 0,
    clears: 0,
    ops,
    ids,
  })
  const ids = Array.from({ length: 100 }, (_, i) => (i * 7) % 11)
  writeTrace(file, trace(0, 'gGud'.repeat(25), ids))
  writeTrace(`${file}.3`, trace(3, 'g'.repeat(25), Array<number>(25).fill(100)))
  const { requests, distinct } = await readAccessTrace(file)
  assert.equal(requests.length, 75 + 25)
  assert.equal(distinct, 12)
  // The second thread has a third of the requests of the first, and they are spread over the whole time.
  const other = [...requests.keys()].filter(at => requests[at] === requests[1])
  assert.equal(other.length, 25)
  assert.ok(other[12]! > 40 && other[12]! < 60, `${other}`)
})

test('a file that is no trace is refused by name', async () => {
  const short = join(folder, 'short.txt')
  writeFileSync(short, 'a\nb\n')
  const usage = (message: RegExp) => (error: unknown) => error instanceof UsageError && message.test(error.message)
  await assert.rejects(readAccessTrace(short), usage(/only 2 requests/))
  await assert.rejects(readAccessTrace(join(folder, 'absent')), usage(/ENOENT/))
  const broken = join(folder, 'broken.gz')
  writeFileSync(broken, 'no gzip')
  await assert.rejects(readAccessTrace(broken), usage(/cannot read/))
})
