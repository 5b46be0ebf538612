import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from 'threadmap'
import { formOf } from './threads/forms.js'
import { createMap, SAFE_KINDS } from './threads/maps.js'
import { count, kill, massacre, READS, settle, WRITES } from './threads/massacre.js'
import { SEED, SOAKING, seeded } from './threads/seeded.js'
import type { VictimTask } from './threads/victims.js'

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

test('200 workers died in all, some of them while they held a lock', () => {
  assert.ok(toll.deaths >= 200, `${toll.deaths} deaths`)
  // Without one the tests above have shown nothing about recovery.
  assert.ok(toll.recoveries > 0, `no lock had to be taken over (THREADMAP_SEED=${SEED})`)
})
