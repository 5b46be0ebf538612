import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedNow } from '#governor/clock.js'
import { snapshotOf } from '#governor/figures.js'
import { HeavyKeeper } from '#governor/keys/heavy-keeper.js'
import { Leader } from '#governor/leader.js'
import { checkOptions } from '#governor/options.js'
import { pin } from '#governor/policy/by-hand.js'
import { bucketOf } from '#governor/shared/latency.js'
import { C_ERRORS, COUNTERS, THREADS } from '#governor/shared/layout.js'
import { LEASE_MS } from '#governor/shared/lease.js'
import { Room } from '#governor/shared/room.js'
import { atEveryAccess } from '../support/deaths.js'

const SETTINGS = checkOptions({ objective: { p99: 50 }, shards: 8 })
const LOOK = SETTINGS.windows.look
const [DEAD, ALIVE, LATER] = [1, 2, 3]

function rooms(): { dead: Room; alive: Room } {
  const dead = Room.create(SETTINGS, DEAD)
  return { dead, alive: Room.attach(dead.memory.buffer, SETTINGS, ALIVE) }
}

/** What must hold once the living thread has heard of the death. */
function check({ alive }: { alive: Room }): void {
  assert.equal(alive.threads.count, 1)
  for (let shard = 0; shard < SETTINGS.shards; shard++) {
    assert.equal(alive.permits.held(shard), 0)
    assert.equal(alive.threads.inFlightOf(shard), 0)
  }
  const taken = alive.threads.taken()
  assert.deepEqual(taken, [alive.slot])
  // All other places are free.
  const others = Array.from({ length: THREADS - 1 }, () => alive.threads.enter(LATER))
  assert.equal(new Set([...others, alive.slot]).size, THREADS)
  for (const slot of others) alive.threads.leave(slot, LATER, ALIVE)
  JSON.stringify(snapshotOf(alive))
}

test('a thread that dies at any point of a permit, of its places, or of its keys, leaves nothing behind', t => {
  const keeper = new HeavyKeeper(8, 1)
  for (let i = 0; i < 20; i++) keeper.add(`key ${i % 5}`, i % 5, 3)
  const acts: Record<string, (room: Room) => void> = {
    'take and give back a permit': room => room.permits.release(3, room.permits.take(3, 4)),
    'take all permits': room => {
      for (let i = 0; i < 5; i++) room.permits.take(3, 4)
    },
    'count operations': room => {
      room.inFlight[3]++
      room.ended(3, 5)
      room.inFlight[3]++
      room.failed(3, 5, true)
    },
    'publish keys': room => room.published.write(room.slot, keeper.top(), keeper.samples, 1),
    leave: room => room.leave(),
    'bury another': room => room.bury(LATER),
  }
  for (const [name, act] of Object.entries(acts)) {
    const deaths = atEveryAccess(end => {
      const { dead, alive } = rooms()
      Room.attach(dead.memory.buffer, SETTINGS, LATER).inFlight[2]++
      end(() => act(dead))
      alive.bury(DEAD)
      alive.bury(LATER)
      check({ alive })
    })
    t.diagnostic(`${name}: ${deaths} deaths`)
    assert.ok(deaths > 0)
  }
})

test('a limiter is not poorer by a death', () => {
  atEveryAccess(end => {
    const { dead, alive } = rooms()
    const now = sharedNow()
    end(() => void dead.admission.take(3, 5, 0, now))
    const taken = [0, 201, 402, 603].filter(ms => alive.admission.take(3, 5, 0, now + 201 + ms) >= 0)
    assert.deepEqual(taken, [0, 201, 402, 603])
  })
})

/** Operations of all shards during one look, those of shard 3 slow or failing. */
function operate(room: Room, slow: boolean): void {
  for (let shard = 0; shard < SETTINGS.shards; shard++) {
    for (let i = 0; i < 50; i++) {
      room.counts.add(shard, COUNTERS + bucketOf(slow && shard === 3 ? 400 : 5, room.layout.subBits))
    }
    if (slow && shard === 3) for (let i = 0; i < 20; i++) room.counts.add(shard, C_ERRORS)
  }
}

test('a leader that dies at any point of a look costs one look: the next one leads, and reaches the same levels', t => {
  // At the third look shard 3 is degraded.
  const deaths = atEveryAccess((end, access) => {
    const { dead, alive } = rooms()
    const first = new Leader(dead)
    const next = new Leader(alive)
    const { started } = dead
    for (let number = 1; number < 3; number++) {
      operate(dead, number >= 2)
      first.turn(started + number * LOOK)
    }
    operate(dead, true)
    end(() => first.turn(started + 3 * LOOK))
    // While the death is not known, the lease holds for its time.
    if (access % 2 === 0) alive.bury(DEAD)
    const after = access % 2 === 0 ? 0 : LEASE_MS + 1
    for (let number = 3; number < 6; number++) {
      next.turn(started + number * LOOK + after)
      operate(dead, true)
    }
    assert.ok(alive.lease.held)
    alive.bury(DEAD)
    const { shards, transitions } = snapshotOf(alive)
    assert.deepEqual(
      shards.map(({ level }) => level),
      [0, 0, 0, 3, 0, 0, 0, 0],
      `after access ${access}`,
    )
    assert.deepEqual(
      transitions.map(({ shard, from, to }) => [shard, from, to]),
      [[3, 0, 3]],
      `after access ${access}: ${JSON.stringify(transitions)}`,
    )
    check({ alive })
  })
  t.diagnostic(`${deaths} deaths`)
  assert.ok(deaths > 50)
})

test('a thread that dies while it sets a level by hand has set it or not', () => {
  const seen = new Set<number>()
  atEveryAccess(end => {
    const { dead, alive } = rooms()
    end(() => pin(dead, 3, 2))
    alive.bury(DEAD)
    new Leader(alive).turn(alive.started + LOOK)
    const { shards, transitions } = snapshotOf(alive)
    seen.add(shards[3].level)
    assert.equal(shards[3].pinned, shards[3].level === 2)
    assert.deepEqual(
      transitions.map(({ to }) => to),
      shards[3].level === 2 ? [2] : [],
    )
    check({ alive })
  })
  assert.deepEqual(seen, new Set([0, 2]))
})

test('no look is begun twice, and none after a later one', () => {
  const { dead: one, alive: two } = rooms()
  assert.equal(one.lease.begin(5), true)
  for (const late of [4, 5]) assert.equal(two.lease.begin(late), false, `look ${late} after look 5`)
  assert.equal(two.lease.begin(6), true)
})

test('two threads that both believe to lead take each look once', () => {
  const { dead: one, alive: two } = rooms()
  const first = new Leader(one)
  const second = new Leader(two)
  const { started } = one
  operate(one, true)
  first.turn(started + LOOK)
  // The first is blocked for longer than its lease, and then goes on as if nothing had happened.
  second.turn(started + 2 * LOOK)
  assert.equal(one.lease.held, false)
  assert.equal(two.lease.held, true)
  operate(one, true)
  first.turn(started + 2 * LOOK + 1)
  second.turn(started + 3 * LOOK)
  operate(one, true)
  first.turn(started + 3 * LOOK + 1)
  assert.equal(two.lease.held, true)
  assert.deepEqual(
    snapshotOf(two).transitions.map(({ to }) => to),
    [3],
  )
})
