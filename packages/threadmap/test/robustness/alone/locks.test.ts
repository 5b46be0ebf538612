import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { ConcurrentMap } from 'threadmap'
import { LockTimeoutError, type MapKind, string } from 'threadmap'
import { HELD, type HoldJobs } from '../../programs/holding.js'
import { HUGE, type VictimJobs, type Work } from '../../programs/victims.js'
import { formOf } from '../../support/forms.js'
import { sharesHeld } from '../../support/inside.js'
import { READ_LOCK_KINDS, SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { PATIENCE, until, untilSeen } from '../../support/patience.js'
import type { Random } from '../../support/random.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf } from '../../support/team.js'

const team = crewOf<VictimJobs>('victims')
const holders = crewOf<HoldJobs>('holding')

const LOCK_TIMEOUT = 300
/** Milliseconds that a busy machine may add to a time-out. A wait for a dead thread would be far longer. */
const SLACK = 20_000

type AnyMap = ConcurrentMap<string, unknown>

const KNOWN = 40
const known = (index: number) => `known:${index}`
const { codec, make, check } = formOf('strings')

/** One operation: how long it took, and whether it gave up. Any error but the time-out is a failure. */
function attempt(operation: () => void): { took: number; error: LockTimeoutError | undefined } {
  const began = performance.now()
  let error: LockTimeoutError | undefined
  try {
    operation()
  } catch (thrown) {
    if (!(thrown instanceof LockTimeoutError)) throw thrown
    assert.equal(thrown.code, 'ERR_THREADMAP_LOCK_TIMEOUT')
    error = thrown
  }
  return { took: performance.now() - began, error }
}

/** A map of one shard with some known keys, which a `SyncMap` has promoted to `read`. */
function mapOfKnown(kind: MapKind): AnyMap {
  const map = createMap<string, unknown>(kind, { key: string, value: codec, shards: 1, lockTimeout: LOCK_TIMEOUT })
  for (let index = 0; index < KNOWN; index++) map.set(known(index), make(index, 1))
  for (let round = 0; round < 3; round++) for (let index = 0; index < KNOWN; index++) map.get(known(index))
  return map
}

interface Victim {
  readonly log: Int32Array
  readonly team: { readonly workers: readonly Worker[]; terminate(): Promise<void> }
}

/** A worker that is older than the map that it will use. It is not watched, provided that this thread has had no map before. */
async function lateVictim(work: Work): Promise<Victim> {
  const log = new SharedArrayBuffer(12)
  const victim = team('lateVictim', [{ work, log }])
  await victim.ready()
  victim.open()
  return { log: new Int32Array(log), team: victim }
}

/** Gives the victim its map and terminates it in the middle of its work. */
async function die(map: AnyMap, victim: Victim, random: Random): Promise<void> {
  victim.team.workers[0]!.postMessage(map.handle)
  await until(() => victim.log[1]! > 2, 'the victim works')
  await sleep(random.below(4))
  await victim.team.terminate()
}

/** Starts a worker before `mapOf()` makes the map, and terminates it while it certainly holds the lock of the one shard. */
async function dieHolding(how: 'write' | 'read', mapOf: () => AnyMap): Promise<AnyMap> {
  const holder = holders('hold', [{ map: undefined, shard: 0, how }])
  try {
    await holder.ready()
    holder.open()
    const map = mapOf()
    holder.workers[0]!.postMessage(map.handle)
    await until(() => holder.control.get(0, HELD) === 1, 'the victim holds the lock')
    return map
  } finally {
    await holder.terminate()
  }
}

/**
 * Terminates a victim while it holds a lock for long, most likely. This thread spins for the right moment, and on for a
 * part of what the long operation takes.
 */
async function dieWithLock(victim: Victim, random: Random): Promise<void> {
  const end = performance.now() + PATIENCE
  while (Atomics.load(victim.log, 2) === 0) {
    assert.ok(performance.now() < end, 'the victim never came to its long operation')
  }
  for (let spins = random.below(100_000); spins > 0; spins--);
  await victim.team.terminate()
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: after a death that nobody noticed calls go on or give up in time, free reads never wait`,
    async random => {
      const readsAreFree = !READ_LOCK_KINDS.includes(kind)
      // The first victim certainly holds the lock, between two operations; later ones may die in the middle of long operations.
      const rounds = SOAKING ? 100 : 3
      for (let round = 0; round < rounds; round++) {
        const victim = round === 0 ? undefined : await lateVictim('bulk')
        using map = victim === undefined ? await dieHolding('write', () => mapOfKnown(kind)) : mapOfKnown(kind)
        if (victim !== undefined) {
          victim.team.workers[0]!.postMessage(map.handle)
          await dieWithLock(victim, random)
        }

        const { lockWaits } = map.stats()
        for (let index = 0; index < KNOWN; index++) {
          const read = attempt(() => {
            const value = map.get(known(index))
            // The victim may have died in a clear.
            assert.equal(value === undefined ? 1 : check(value, index), 1)
          })
          if (readsAreFree) {
            assert.equal(read.error, undefined, `a read gave up: ${read.error?.message}`)
            assert.equal(map.stats().lockWaits, lockWaits, 'a read waited for a lock')
          } else {
            assert.ok(read.took < LOCK_TIMEOUT + SLACK, `a read took ${read.took} ms`)
            if (read.error) break
          }
        }

        const write = attempt(() => map.set('new', make(0, 2)))
        assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
        if (!write.error) {
          assert.equal(check(map.get('new'), 0), 2)
          if (victim === undefined) assert.ok(map.stats().recoveries > 0, 'the lock was taken over')
          continue
        }
        assert.ok(write.took >= LOCK_TIMEOUT * 0.8, `gave up after ${write.took} ms already`)
        assert.ok(Number.isInteger(write.error.owner) && write.error.owner >= 0, 'the error names the owner')
        assert.ok(write.error.shard === 0 || write.error.shard === -1, 'and the shard')
        assert.match(write.error.message, /300/, 'and the limit')
        // A read without the lock does not find the refused entry.
        if (kind === 'FastMap') assert.equal(map.get('new'), undefined)
      }
    },
  )

  seeded(
    `${kind}: a lock that a watched worker died with is taken over at once, and the memory is sound`,
    async random => {
      const take = async (): Promise<number> => {
        using map = mapOfKnown(kind)
        const log = new SharedArrayBuffer(12)
        const victim = team('victim', [{ map: map.handle, form: 'strings', work: 'bulk', name: '', log }])
        await victim.ready()
        victim.open()
        await dieWithLock({ log: new Int32Array(log), team: victim }, random)
        const write = attempt(() => map.set('new', make(0, 2)))
        assert.equal(write.error, undefined)
        const { recoveries } = map.stats()
        assert.deepEqual(map.audit(), [])
        let met = 0
        for (const [key, value] of map) {
          check(value, key.includes(':') ? Number(key.split(':')[1]) & 0xfff : 0)
          met++
        }
        assert.equal(map.size, met)
        for (const key of [...map.keys()]) assert.ok(map.delete(key))
        assert.equal(map.size, 0)
        assert.deepEqual(map.audit(), [])
        return recoveries
      }
      // The random delay may end in the middle of what the lock guards.
      let recovered = 0
      const round = async () => {
        recovered += await take()
        return recovered > 0
      }
      await untilSeen(round, 'a victim dies with the lock', SOAKING ? 100 : 1)
    },
  )
}

for (const kind of READ_LOCK_KINDS) {
  const work = 'readHuge'
  seeded(`${kind}: a reader that dies unnoticed stops a writer for no longer than lockTimeout`, async random => {
    const mapWithHuge = () => mapOfKnown(kind).set(HUGE, 'x'.repeat(8_000_000)) as AnyMap
    // The first victim certainly holds its share; later ones may die in the middle of a read.
    for (let round = 0; round < (SOAKING ? 100 : 3); round++) {
      const victim = round === 0 ? undefined : await lateVictim(work)
      using map = victim === undefined ? await dieHolding('read', mapWithHuge) : mapWithHuge()
      if (victim !== undefined) {
        victim.team.workers[0]!.postMessage(map.handle)
        await until(() => victim.log[1]! > 2, 'the victim works')
        for (let spins = random.below(2000); spins > 0; spins--);
        const end = performance.now() + PATIENCE
        while (sharesHeld(map as never) === 0) assert.ok(performance.now() < end, 'the victim never read')
        await victim.team.terminate()
      } else if (map.stats().recoveries === 0) {
        assert.equal(sharesHeld(map as never), 1, 'the share of the dead is counted still')
      }
      const write = attempt(() => map.set(known(1), make(1, 2)))
      assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
      if (!write.error) assert.equal(check(map.get(known(1)), 1), 2)
      if (victim === undefined) {
        assert.ok(write.error || map.stats().recoveries > 0, 'the share of the dead stood in the way')
      }
    }
  })

  seeded(`${kind}: a reader that dies as its parent watches stops no writer at all`, async random => {
    using map = mapOfKnown(kind)
    map.set(HUGE, 'x'.repeat(8_000_000))
    for (let round = 0; round < (SOAKING ? 100 : 8); round++) {
      const log = new SharedArrayBuffer(12)
      const victim = team('victim', [{ map: map.handle, form: 'strings', work, name: '', log }])
      try {
        await victim.ready()
        victim.open()
        await until(() => new Int32Array(log)[1]! > 1, 'the reader reads')
        await sleep(random.below(4))
      } finally {
        await victim.terminate()
      }
      const write = attempt(() => map.set(known(1), make(1, round)))
      assert.equal(write.error, undefined)
    }
    assert.deepEqual(map.audit(), [])
  })
}

for (const kind of SAFE_KINDS) {
  seeded(
    `${kind}: a thread that uses the map before it could learn of a death gives up at worst, and recovers after`,
    async random => {
      using map = mapOfKnown(kind)
      for (let round = 0; round < (SOAKING ? 100 : 6); round++) {
        const log = new SharedArrayBuffer(12)
        const victim = team('victim', [{ map: map.handle, form: 'strings', work: 'grow', name: `v${round}`, log }])
        await victim.ready()
        victim.open()
        await until(() => new Int32Array(log)[1]! > random.below(2000), 'the victim works')
        // terminate() is not awaited: this thread's event loop does not turn, so no 'exit' event arrives during the next operations.
        const dying = victim.terminate()
        for (let index = 0; index < 5; index++) {
          const write = attempt(() => map.set(known(index), make(index, 1)))
          assert.ok(write.took < LOCK_TIMEOUT + SLACK, `a write took ${write.took} ms`)
        }
        await dying
        for (let index = 0; index < KNOWN; index++) {
          const after = attempt(() => map.set(known(index), make(index, 1)))
          assert.equal(after.error, undefined)
        }
        assert.deepEqual(map.audit(), [])
      }
    },
  )

  seeded(`${kind}: a worker older than the map is noticed when watch was told of it`, async random => {
    for (let round = 0; round < (SOAKING ? 100 : 6); round++) {
      const victim = await lateVictim('grow')
      using map = mapOfKnown(kind)
      assert.equal(map.watch(victim.team.workers[0]!), map)
      await die(map, victim, random)
      const write = attempt(() => map.set('new', make(0, 2)))
      assert.equal(write.error, undefined)
      assert.deepEqual(map.audit(), [])
    }
  })
}
