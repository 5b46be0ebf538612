import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from 'threadmap'
import { HELD, type HoldJobs } from '../../programs/holding.js'
import type { VictimTask } from '../../programs/victims.js'
import { formOf } from '../../support/forms.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { count, kill, massacre, READS, settle, WRITES } from '../../support/massacre.js'
import { until } from '../../support/patience.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf } from '../../support/team.js'

const holders = crewOf<HoldJobs>('holding')

/** Workers terminated by all tests of this file, and locks taken over from them. */
const toll = { deaths: 0, recoveries: 0 }

for (const kind of SAFE_KINDS) {
  const rounds = SOAKING ? 100 : 10
  seeded(`${kind}: workers terminated while they write strings lose nothing acknowledged and stop nobody`, random =>
    massacre(kind, 'strings', WRITES, rounds, random, toll),
  )
  seeded(`${kind}: workers terminated while they write, add to and read numbers lose nothing and stop nobody`, random =>
    massacre(
      kind,
      'number',
      ['add', 'read', 'set', 'iterate', 'grow', 'add', 'delete', 'update'],
      rounds,
      random,
      toll,
    ),
  )
  seeded(`${kind}: workers terminated while they clear the map stop nobody`, random =>
    massacre(kind, 'strings', ['clear', 'clear', 'clear', 'grow'], Math.ceil(rounds / 4), random, toll),
  )
  seeded(`${kind}: workers terminated while they raise shared counters lose no acknowledged addition`, random =>
    count(kind, 'strings', Math.ceil(rounds / 3), random, toll),
  )
  seeded(`${kind}: workers terminated while they read or iterate stop no writer`, random =>
    massacre(kind, 'bytesOfAnyLength', READS, Math.ceil(rounds / 4), random, toll),
  )
}

seeded(
  'UnsafeMap: a worker terminated while it writes accuses nobody afterwards, and loses nothing acknowledged',
  async random => {
    using map = createMap<string, unknown>('UnsafeMap', { key: string, value: formOf('strings').codec })
    for (let round = 0; round < (SOAKING ? 200 : 16); round++) {
      const task: VictimTask = {
        map: map.handle,
        form: 'strings',
        work: [...WRITES, 'iterate' as const][round % (WRITES.length + 1)]!,
        name: `victim ${round}`,
        log: new SharedArrayBuffer(8),
      }
      await kill(map, [task], random, toll)
      map.set('alive', formOf('strings').make(0, round))
      assert.deepEqual(map.audit(), [])
    }
    settle(map, 'strings', toll)
  },
)

for (const kind of SAFE_KINDS) {
  seeded(`${kind}: a worker terminated while it held the lock of a shard has it taken over`, async () => {
    const form = 'strings'
    using map = createMap<string, unknown>(kind, { key: string, value: formOf(form).codec, shards: 1 })
    const holder = holders('hold', [{ map: map.handle, shard: 0, how: 'write' }])
    try {
      await holder.ready()
      holder.open()
      await until(() => holder.control.get(0, HELD) === 1, 'the worker holds the lock')
    } finally {
      await holder.terminate()
    }
    const before = toll.recoveries
    settle(map, form, toll)
    assert.ok(toll.recoveries > before, 'nobody took the lock over')
  })
}

test('200 workers died in all', () => {
  assert.ok(toll.deaths >= 200, `${toll.deaths} deaths`)
})
