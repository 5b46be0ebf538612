import assert from 'node:assert/strict'
import { string } from 'threadmap'
import { keptValue, PHASES, type TurnJobs } from '../../programs/turns.js'
import { type FormName, formOf } from '../../support/forms.js'
import { ALL_KINDS } from '../../support/kinds.js'
import { attachMap, createMap } from '../../support/maps.js'
import { until } from '../../support/patience.js'
import { SOAKING, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<TurnJobs>('turns')

const CASES: { form: FormName; keys: number; cache: number }[] = [
  { form: 'number', keys: 8, cache: 64 },
  { form: 'strings', keys: 8, cache: 3 },
  { form: 'bytesOfAnyLength', keys: 40, cache: 64 },
  { form: 'documents', keys: 8, cache: 64 },
]

for (const kind of ALL_KINDS) {
  for (const { form, keys, cache } of CASES) {
    seeded(`${kind}: a cache of ${cache} shows at once what another thread did to ${keys} ${form}`, async random => {
      using map = createMap(kind, { key: string, value: formOf(form).codec })
      const expected = new SharedArrayBuffer((keys + 1) * 4)
      const turns = SOAKING ? 200_000 : 3000
      const tasks = [0, 1].map(() => ({
        ...{ map: map.handle, form, keys, cache, workers: 2, turns, expected },
        seed: random.next(),
      }))
      await run(team('turns', tasks))
      const left = [...new Int32Array(expected).subarray(0, keys)].filter(version => version > 0).length
      assert.equal(map.size, left)
      assert.deepEqual(map.audit(), [])
    })
  }

  seeded(`${kind}: a cached read notices any number of changes, also 2^8 and 2^16 of them`, async () => {
    using map = createMap(kind, { key: string, value: string })
    const key = 'the key'
    let version = 100_000
    let request = 0
    const next = () => String(++version)
    map.set(key, next())
    const echo = team('echo', [{ map: map.handle, key, cache: 16 }])
    try {
      await echo.ready()
      echo.open()
      const ask = async () => {
        echo.control.set(0, 0, ++request)
        echo.control.wake(0, 0)
        await until(() => echo.control.get(0, 2) === request, 'an answer')
        return echo.control.get(0, 1)
      }
      const ways = {
        overwritten: () => map.set(key, next()),
        'deleted and inserted': () => map.delete(key) && map.set(key, next()),
        'overwritten by longer and shorter ones': () => map.set(key, next().padStart(version % 2 === 0 ? 60 : 6, '0')),
      }
      for (const [how, change] of Object.entries(ways)) {
        for (const times of [1, 2, 127, 128, 255, 256, 257, 32_767, 32_768, 65_535, 65_536, 65_537]) {
          assert.equal(await ask(), version)
          for (let count = 0; count < times; count++) change()
          assert.equal(await ask(), version, `${how} ${times} times`)
        }
      }
      echo.control.stop()
      echo.control.set(0, 0, ++request)
      echo.control.wake(0, 0)
      await echo.reports()
    } finally {
      await echo.terminate()
    }
    assert.deepEqual(map.audit(), [])
  })

  seeded(
    `${kind}: cached entries stay right when the map grows, is thinned out and filled again by another thread`,
    async () => {
      const kept = 500
      using map = createMap(kind, { key: string, value: string, cache: 400 })
      for (let index = 0; index < kept; index++) map.set(`kept:${index}`, keptValue(index, 1))
      const writer = team('phases', [{ map: map.handle, kept, others: 30_000 }])
      try {
        await writer.ready()
        writer.open()
        for (const [phase, name] of PHASES.entries()) {
          writer.control.set(0, 0, phase + 1)
          writer.control.wake(0, 0)
          await until(() => writer.control.get(0, 1) === phase + 1, `phase ${name}`)
          for (const round of [1, 2]) {
            for (let index = 0; index < kept; index++) {
              const version = index % 2 === 0 && phase >= PHASES.indexOf('overwrite') ? 2 : 1
              const gone = index % 5 === 0 && phase >= PHASES.indexOf('remove')
              const expected = gone ? undefined : keptValue(index, version)
              assert.equal(map.get(`kept:${index}`), expected, `after ${name}, read ${round}`)
              assert.equal(map.has(`kept:${index}`), !gone)
            }
          }
        }
        await writer.reports()
      } finally {
        await writer.terminate()
      }
      assert.deepEqual(map.audit(), [])
    },
  )

  seeded(`${kind}: a cache sees what this thread did through another object for the same map`, () => {
    using map = createMap(kind, { key: string, value: string, cache: 8 })
    using other = attachMap(map.handle)
    assert.equal(map.get('a'), undefined)
    other.set('a', 'one')
    assert.equal(map.get('a'), 'one')
    assert.equal(map.get('a'), 'one')
    other.set('a', 'two')
    assert.equal(map.get('a'), 'two')
    other.delete('a')
    assert.equal(map.get('a'), undefined)
    other.set('a', 'two')
    assert.equal(map.get('a'), 'two')
    other.clear()
    assert.equal(map.get('a'), undefined)
    assert.equal(map.has('a'), false)
  })
}
