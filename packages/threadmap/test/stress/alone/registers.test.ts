import assert from 'node:assert/strict'
import { string } from 'threadmap'
import { type RegisterJobs, registerKey } from '../../programs/registers.js'
import { type FormName, formOf } from '../../support/forms.js'
import { SAFE_KINDS, type SafeKind } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import type { Random } from '../../support/random.js'
import { duration, seeded } from '../../support/seeded.js'
import { crewOf, together } from '../../support/team.js'

const team = crewOf<RegisterJobs>('registers')

const KEYS = 24

/** One writer against a reader without a cache and one whose cache holds `cache` keys (less than KEYS: it evicts). */
async function race(
  kind: SafeKind,
  form: FormName,
  options: { deletes: boolean; cache: number; milliseconds: number },
  random: Random,
): Promise<void> {
  const { codec, make, check } = formOf(form)
  using map = createMap(kind, { key: string, value: codec })
  const versions = new SharedArrayBuffer(KEYS * 8)
  if (!options.deletes) {
    for (let index = 0; index < KEYS; index++) map.set(registerKey(index), make(index, 1))
    new Int32Array(versions).fill(1)
  }
  const task = (cache: number) => ({
    map: map.handle,
    form,
    keys: KEYS,
    deletes: options.deletes,
    versions,
    cache,
    seed: random.next(),
  })
  const writer = team('write', [task(options.cache)])
  const readers = team('read', [task(0), task(options.cache)])
  const [[writes], reports] = await together(writer, readers, duration(options.milliseconds), () => {
    return readers.control.allHaveSeen
  })
  assert.ok(writes! > 0)
  for (const report of reports) assert.ok(report.changes > 0, 'a reader saw nothing change')

  const [attempted, published] = [new Int32Array(versions, 0, KEYS), new Int32Array(versions, KEYS * 4, KEYS)]
  assert.deepEqual([...attempted], [...published])
  let present = 0
  for (let index = 0; index < KEYS; index++) {
    const value = map.get(registerKey(index))
    const version = published[index]!
    const expected = options.deletes && version % 5 === 0 ? undefined : version
    assert.equal(value === undefined ? undefined : check(value, index), expected)
    if (expected !== undefined) present++
  }
  assert.equal(map.size, present)
  assert.deepEqual(map.audit(), [])
}

const FORMS = ['number', 'bytes32', 'bytesOfAnyLength', 'strings', 'fields', 'documents'] as const

for (const kind of SAFE_KINDS) {
  for (const form of FORMS) {
    seeded(`${kind}: readers of ${form} see whole values in order, never older than a published one`, random =>
      race(kind, form, { deletes: false, cache: 8, milliseconds: 150 }, random),
    )
  }
  for (const form of ['number', 'strings', 'documents'] as const) {
    seeded(`${kind}: readers of ${form} see keys come and go in the order in which they did`, random =>
      race(kind, form, { deletes: true, cache: KEYS, milliseconds: 150 }, random),
    )
  }
}
