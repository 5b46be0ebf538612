import assert from 'node:assert/strict'
import { f64, string } from 'threadmap'
import { type ChurnJobs, textOf } from '../../programs/churn.js'
import { formOf } from '../../support/forms.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { duration, seeded } from '../../support/seeded.js'
import { crewOf, run, together } from '../../support/team.js'

const team = crewOf<ChurnJobs>('churn')

for (const kind of SAFE_KINDS) {
  for (const form of ['strings', 'bytesOfAnyLength', 'number', 'documents'] as const) {
    seeded(
      `${kind}: while two workers delete and insert six keys again, none ever shows a ${form} of another`,
      async random => {
        const { codec, check } = formOf(form)
        using map = createMap(kind, { key: string, value: codec })
        const task = (cache: number) => ({ map: map.handle, form, keys: 6, cache, seed: random.next() })
        const writers = team('churn', [task(0), task(4)])
        const readers = team('watchChurn', [task(0), task(4)])
        const [, reports] = await together(writers, readers, duration(200), () => readers.control.allHaveSeen)
        for (const { found, missed } of reports) assert.ok(found > 0 && missed > 0, 'a reader saw no churn')
        for (const [key, value] of map) check(value, Number(key.split(':')[1]))
        assert.equal(map.size, [...map].length)
        assert.deepEqual(map.audit(), [])
      },
    )
  }

  seeded(
    `${kind}: keys that stay are found, and met once by each iteration, while the tables grow and shrink`,
    async () => {
      using map = createMap(kind, { key: string, value: string, capacity: 16 })
      const stable = 300
      for (let index = 0; index < stable; index++) map.set(`stable:${index}`, textOf(`stable:${index}`))
      const resizes = map.stats().resizes
      const task = (cache: number) => ({ map: map.handle, stable, others: 20_000, cache })
      const inserters = team('insertOthers', [task(0)])
      const readers = team('findStable', [task(0), task(128)])
      const [, reports] = await together(inserters, readers, duration(600))
      for (const { iterations } of reports) assert.ok(iterations > 2, 'too few iterations')
      assert.ok(map.stats().resizes > resizes, 'nothing grew')
      assert.equal(map.size, stable)
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(`${kind}: what was set before a clear began is gone when it ends, what is set later stays`, async random => {
    const form = 'strings'
    using map = createMap(kind, { key: string, value: formOf(form).codec })
    const keys = 60
    const published = new SharedArrayBuffer(keys * 4)
    const task = () => ({ map: map.handle, form, keys, writers: 2, seed: random.next(), published }) as const
    const writers = team('writeUnderClear', [task(), task()])
    const clearers = team('clear', [task()])
    const [, reports] = await together(writers, clearers, duration(300), () => clearers.control.allHaveSeen)
    assert.ok(reports[0]!.clears > 0 && reports[0]!.survivors > 0, 'clear and set never met')
    for (const [key, value] of map) {
      const index = Number(key.split(':')[1])
      assert.equal(formOf(form).check(value, index), new Int32Array(published)[index])
    }
    map.clear()
    assert.equal(map.size, 0)
    assert.deepEqual([...map], [])
    assert.deepEqual(map.audit(), [])
  })

  seeded(
    `${kind}: size stays between what is surely there and what may be while three workers insert and delete`,
    async random => {
      using map = createMap(kind, { key: f64, value: f64 })
      const [stable, own, togglers] = [100, 60, 3]
      for (let key = 0; key < stable; key++) map.set(key, key)
      const tasks = Array.from({ length: togglers }, () => ({
        map: map.handle,
        stable,
        own,
        togglers,
        seed: random.next(),
      }))
      const workers = team('toggle', tasks)
      const present = await run(workers, duration(250), () => workers.control.allHaveSeen)
      assert.equal(
        map.size,
        present.reduce((sum, count) => sum + count, stable),
      )
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(
    `${kind}: a map cleared by several workers at once while others insert is empty after a last clear`,
    async random => {
      const form = 'number'
      using map = createMap(kind, { key: string, value: formOf(form).codec })
      const task = () => ({ map: map.handle, form, keys: 40, cache: 0, seed: random.next() }) as const
      const published = new SharedArrayBuffer(40 * 4)
      const clearTask = () => ({ map: map.handle, form, keys: 40, writers: 1, seed: 0, published }) as const
      // This test checks only that there are no hangs, torn values or broken memory: the `keys` of `clear` are never set.
      const writers = team('churn', [task(), task()])
      const clearers = team('clear', [clearTask(), clearTask()])
      await together(writers, clearers, duration(150), () => writers.control.allHaveSeen)
      map.clear()
      assert.equal(map.size, 0)
      assert.deepEqual(map.audit(), [])
    },
  )
}
