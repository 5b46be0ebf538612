import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { string } from 'threadmap'
import type { VictimJobs } from '../../programs/victims.js'
import { formOf } from '../../support/forms.js'
import { ALL_KINDS } from '../../support/kinds.js'
import { attachMap, createMap } from '../../support/maps.js'
import { until } from '../../support/patience.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<VictimJobs>('victims')
const { codec, make } = formOf('number')

for (const kind of ALL_KINDS) {
  seeded(
    `${kind}: workers terminated while they attach or let go leave no place taken and nothing broken`,
    async random => {
      using map = createMap<string, unknown>(kind, { key: string, value: codec })
      for (let round = 0; round < (SOAKING ? 100 : 6); round++) {
        // One worker at a time uses an UnsafeMap: others would be accused, rightly.
        const count = kind === 'UnsafeMap' ? 1 : 2
        const workers = team(
          'attach',
          Array.from({ length: count }, () => ({ map: map.handle, keep: 0 })),
        )
        try {
          if (round % 3 === 2) {
            // The worker is terminated at some moment of its start, perhaps before it attaches for the first time.
            workers.open()
            await sleep(20 + random.below(40))
          } else {
            await workers.ready()
            workers.open()
            await until(() => workers.control.get(0, 0) > random.below(200), 'the worker attaches')
          }
        } finally {
          await workers.terminate()
        }
        map.set('alive', make(0, round))
      }
      assert.equal(map.stats().threads, 1)
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(`${kind}: places of dead threads are given to others, however many have died`, async () => {
    using map = createMap<string, unknown>(kind, { key: string, value: codec })
    for (let round = 0; round < (SOAKING ? 100 : 12); round++) {
      const worker = team('attach', [{ map: map.handle, keep: 20 }])
      try {
        await worker.ready()
        worker.open()
        await until(() => worker.control.get(0, 0) === 20, 'the worker attached 20 times')
      } finally {
        await worker.terminate()
      }
    }
    assert.equal(map.stats().threads, 1)
    assert.deepEqual(map.audit(), [])
  })

  seeded(`${kind}: a thread can attach and let go thousands of times`, async () => {
    using map = createMap<string, unknown>(kind, { key: string, value: codec })
    // The first thread may need a page for its scratch areas; the next ones use that page again.
    attachMap(map.handle)[Symbol.dispose]()
    const before = map.stats().bytes
    for (let count = 0; count < 3000; count++) {
      using again = attachMap(map.handle)
      again.set('count', make(0, count))
    }
    assert.deepEqual(map.get('count'), make(0, 2999))
    assert.equal(map.stats().threads, 1)
    assert.equal(map.stats().bytes, before)
    await run(team('attach', [{ map: map.handle, keep: 0 }]), 50)
    assert.equal(map.stats().threads, 1)
    assert.deepEqual(map.audit(), [])
  })
}
