import assert from 'node:assert/strict'
import { json, string } from 'threadmap'
import type { TurnJobs } from '../programs/turns.js'
import { ALL_KINDS } from '../support/kinds.js'
import { createMap } from '../support/maps.js'
import { seeded } from '../support/seeded.js'
import { crewOf, run } from '../support/team.js'

const team = crewOf<TurnJobs>('turns')

interface Thing {
  readonly n: number
  readonly inner: { readonly list: readonly number[] }
}

const thing = (n: number): Thing => ({ n, inner: { list: [n, n + 1] } })

for (const kind of ALL_KINDS) {
  seeded(`${kind}: a cache of 100 keeps no more than 100 of 5,000 objects in memory`, async () => {
    using map = createMap(kind, { key: string, value: json<Thing>() })
    for (let index = 0; index < 5000; index++) map.set(`key:${index}`, thing(index))
    const [[kept], [uncached]] = await Promise.all([
      run(team('objectsKept', [{ map: map.handle, keys: 5000, cache: 100 }])),
      run(team('objectsKept', [{ map: map.handle, keys: 5000, cache: 0 }])),
    ])
    assert.ok(kept! <= 100, `${kept} objects are kept`)
    assert.ok(kept! > 0, 'a cache that keeps nothing is none')
    assert.equal(uncached, 0)
  })

  seeded(`${kind}: repeated cached reads give the same object until another thread changes it`, async () => {
    using map = createMap(kind, { key: string, value: json<Thing>(), cache: 16 })
    map.set('key:1', thing(1))
    map.set('key:2', thing(2))
    const object = map.get('key:1')
    assert.deepEqual(object, thing(1))
    assert.equal(map.get('key:1'), object)
    map.set('key:2', thing(3))
    map.set('key:3', thing(3))
    assert.equal(map.get('key:1'), object, 'changes of other keys do not matter')
    await run(team('setOne', [{ map: map.handle, keys: 7, cache: 0 }]))
    const changed = map.get('key:1')
    assert.deepEqual(changed, { n: 7, inner: { list: [7] } })
    assert.equal(map.get('key:1'), changed)
    assert.deepEqual(object, thing(1), 'who holds the old object keeps it as it was')
    await run(team('setOne', [{ map: map.handle, keys: 7, cache: 0 }]))
    assert.deepEqual(map.get('key:1'), changed)
  })

  seeded(`${kind}: changing an object that was given to set does not change what the cache gives`, () => {
    using map = createMap(kind, { key: string, value: json<{ n: number }>(), cache: 16 })
    const mine = { n: 1 }
    map.set('a', mine)
    mine.n = 2
    assert.deepEqual(map.get('a'), { n: 1 })
    assert.deepEqual(map.get('a'), { n: 1 })
    const inserted = { n: 3 }
    map.getOrInsert('b', inserted)
    inserted.n = 4
    assert.deepEqual(map.get('b'), { n: 3 })
  })
}

seeded('cached objects are frozen in development, with what is inside them', async () => {
  using map = createMap('FastMap', { key: string, value: json<Thing>() })
  map.set('key:1', thing(1))
  const [found] = await run(
    team('identity', [{ map: map.handle, keys: 2, cache: 16 }], { env: { NODE_ENV: 'development' } }),
  )
  assert.deepEqual(found, { same: true, frozen: true, deeply: true })
})

seeded('in production cached objects are still the same object on every read', async () => {
  using map = createMap('FastMap', { key: string, value: json<Thing>() })
  map.set('key:1', thing(1))
  const [found] = await run(
    team('identity', [{ map: map.handle, keys: 2, cache: 16 }], { env: { NODE_ENV: 'production' } }),
  )
  assert.equal(found!.same, true)
})
