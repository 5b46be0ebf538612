import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f64, MapFullError, RecursiveComputeError, string } from 'threadmap'
import type { ComputingJobs } from '../programs/computing.js'
import { ALL_KINDS, SAFE_KINDS } from '../support/kinds.js'
import { createMap } from '../support/maps.js'
import { until } from '../support/patience.js'
import { seeded } from '../support/seeded.js'
import { crewOf } from '../support/team.js'

/** Computations that need other computations: deep ones of one thread, and circles of several threads. */

const team = crewOf<ComputingJobs>('computing')
/** Milliseconds: far below computeTimeout, which an undetected circle would take, and above what a busy machine needs. */
const AT_ONCE = 20_000

for (const kind of ALL_KINDS) {
  test(`${kind}: a recursive function that keeps its results goes as deep as the stack`, () => {
    using map = createMap(kind, { key: f64, value: f64 })
    const calls = new Set<number>()
    const fib = (n: number): number =>
      n < 2
        ? n
        : map.getOrInsertComputed(n, () => {
            assert.ok(!calls.has(n), `fib(${n}) was computed twice`)
            calls.add(n)
            return fib(n - 1) + fib(n - 2)
          })
    assert.equal(fib(65), 17167680177565)
    // The map gets the same entries without computations; by now it has the one page of claims that it keeps.
    for (let n = 2; n <= 1000; n++) map.set(n, n)
    const used = map.stats().usedBytes
    map.clear()
    calls.clear()
    assert.equal(fib(1000), 4.346655768693743e208)
    assert.ok(map.stats().usedBytes <= used, `${map.stats().usedBytes} bytes after ${used}`)
    assert.deepEqual(map.audit(), [])
  })

  test(`${kind}: keys that had one hash under every seed are computed within one another`, () => {
    using map = createMap(kind, { key: string, value: f64 })
    const bytes = (first: bigint, second: bigint): string => {
      const pair = Buffer.alloc(16)
      pair.writeBigUInt64LE(first)
      pair.writeBigUInt64LE(second, 8)
      return pair.toString('latin1')
    }
    // Two keys of codec/hash-chosen-keys with one old hash: claims were once told apart by that hash alone.
    const word = 0x6161616161616161n
    const product = BigInt.asUintN(64, word * 0x9e3779b97f4a7c15n) ^ (1n << 34n)
    const other = bytes(BigInt.asUintN(64, product * 0xf1de83e19937733dn), word ^ (1n << 63n))
    const value = map.getOrInsertComputed(bytes(word, word), () => map.getOrInsertComputed(other, () => 1) + 1)
    assert.equal(value, 2)
    assert.equal(map.get(other), 1)
  })

  test(`${kind}: long keys and short ones are computed within one another, and told apart by every byte`, () => {
    using map = createMap(kind, { key: string, value: f64 })
    const long = 'x'.repeat(10_000)
    const keys = ['', 'x', long, `${long}a`, `${long}b`, 'Ω', 'y'.repeat(5000), 'x'.repeat(4072), 'x'.repeat(4056), 'z']
    const nest = (i: number): number =>
      map.getOrInsertComputed(keys[i], () => (i + 1 < keys.length ? nest(i + 1) : 0) + 1)
    assert.equal(nest(0), keys.length)
    for (const [i, key] of keys.entries()) {
      map.clear()
      const within = (j: number): number =>
        map.getOrInsertComputed(keys[j], () => {
          if (j < i) return within(j + 1)
          assert.throws(() => map.getOrInsertComputed(key, () => 1), RecursiveComputeError)
          return 5
        })
      assert.equal(within(0), 5)
    }
    assert.deepEqual(map.audit(), [])
  })

  test(`${kind}: an error in a deep computation lets go of every key on its way`, () => {
    using map = createMap(kind, { key: f64, value: f64 })
    const dig = (n: number): number =>
      map.getOrInsertComputed(n, () => {
        if (n === 200) throw new RangeError('deep enough')
        return dig(n + 1)
      })
    for (let round = 0; round < 3; round++) {
      assert.throws(() => dig(0), RangeError)
      assert.equal(map.size, 0)
    }
    assert.equal(
      map.getOrInsertComputed(0, () => 7),
      7,
    )
    assert.equal(
      map.getOrInsertComputed(200, () => 8),
      8,
    )
    assert.deepEqual(map.audit(), [])
  })

  test(`${kind}: in a full map a computation is refused before its function runs, or goes on`, () => {
    using map = createMap(kind, { key: f64, value: string, maxBytes: 2 ** 21 })
    assert.throws(() => {
      for (let i = 0; ; i++) map.set(i, 'x'.repeat(1500))
    }, MapFullError)
    const size = map.size
    for (let i = -1; i > -50; i--) {
      try {
        map.getOrInsertComputed(i, () => 'y'.repeat(1500))
      } catch (error) {
        assert.ok(error instanceof MapFullError, String(error))
      }
    }
    assert.ok(map.size >= size)
    assert.deepEqual(map.audit(), [])
  })
}

for (const kind of SAFE_KINDS) {
  for (const size of [2, 3, 5]) {
    seeded(
      `${kind}: ${size} threads that compute keys out of each other's are told at once, with both keys`,
      async () => {
        using map = createMap(kind, { key: string, value: f64 })
        for (let round = 0; round < 3; round++) {
          map.clear()
          const tasks = Array.from({ length: size }, () => ({ map: map.handle, size }))
          const circle = team('circle', tasks)
          try {
            await circle.ready()
            circle.open()
            const reports = await circle.reports()
            const told = reports.filter(({ deadlock }) => deadlock !== undefined)
            assert.ok(told.length >= 1, 'nobody was told')
            for (const [index, { deadlock, milliseconds }] of reports.entries()) {
              assert.ok(milliseconds < AT_ONCE, `${milliseconds} ms`)
              if (deadlock === undefined) continue
              assert.equal(deadlock.held, `key ${index}`)
              assert.equal(deadlock.wanted, `key ${(index + 1) % size}`)
              assert.ok(deadlock.owner > 0)
              assert.match(
                deadlock.message,
                new RegExp(`computes the key 'key ${index}'.*'key ${(index + 1) % size}'.*thread ${deadlock.owner} `),
              )
            }
            // The thread that got the error went on, and then the threads that waited for its key.
            assert.equal(map.size, size)
          } finally {
            await circle.terminate()
          }
        }
        assert.deepEqual(map.audit(), [])
      },
    )
  }

  seeded(`${kind}: four threads compute 400 keys at the same time`, async () => {
    using map = createMap(kind, { key: string, value: f64 })
    const depth = 100
    const towers = team(
      'tower',
      Array.from({ length: 4 }, () => ({ map: map.handle, depth })),
    )
    try {
      await towers.ready()
      towers.open()
      await until(() => [0, 1, 2, 3].every(i => towers.control.get(i, 0) === 1), 'all keys are being computed')
      assert.equal(map.size, 0)
      towers.control.stop()
      assert.deepEqual(await towers.reports(), [depth - 1, depth - 1, depth - 1, depth - 1])
    } finally {
      await towers.terminate()
    }
    assert.equal(map.size, 4 * depth)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: a worker that dies with 100 keys in computation leaves none of them, and no memory`, async () => {
    using map = createMap(kind, { key: string, value: f64 })
    for (let i = 1; i <= 100; i++) map.set(`0:${i}`, i)
    map.getOrInsertComputed('this thread has its page of claims', () => 1)
    const before = map.stats().usedBytes
    map.clear()
    for (let round = 0; round < 3; round++) {
      const victim = team('tower', [{ map: map.handle, depth: 100 }])
      await victim.ready()
      victim.open()
      await until(() => victim.control.get(0, 0) === 1, 'all keys are being computed')
      await victim.terminate()
      for (let i = 1; i <= 100; i++) {
        assert.equal(
          map.getOrInsertComputed(`0:${i}`, () => i),
          i,
        )
      }
      await until(() => map.stats().threads === 1, 'the dead one is recovered')
      // The bound is less than a page of claims: a registry slot counts as used once it is written for the first time.
      assert.ok(map.stats().usedBytes < before + 4096, `${map.stats().usedBytes} bytes after ${before}`)
      map.clear()
    }
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: who waited too long is told the key, the thread that computes it, and computeTimeout`, async () => {
    using map = createMap(kind, { key: string, value: f64, computeTimeout: 250 })
    const slow = team('slow', [{ map: map.handle }])
    const impatient = team('impatient', [{ map: map.handle }])
    try {
      await slow.ready()
      slow.open()
      await until(() => slow.control.get(0, 0) === 1, 'the slow one computes')
      await impatient.ready()
      impatient.open()
      const [{ message, key }] = await impatient.reports()
      assert.equal(key, 'slow')
      assert.match(
        message,
        new RegExp(
          `'slow'.*computed by thread \\d+ .*threadId ${slow.workers[0].threadId}\\).*computeTimeout = 250 ms`,
        ),
      )
      assert.doesNotMatch(message, /lockTimeout|readers/)
    } finally {
      slow.control.stop()
      await Promise.all([slow.terminate(), impatient.terminate()])
    }
  })
}
