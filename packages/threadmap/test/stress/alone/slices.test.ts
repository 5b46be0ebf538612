import assert from 'node:assert/strict'
import { bytes, f64, i64, type MapHandle, type MapOptions, string } from 'threadmap'
import { indexOf, type KeyForm, type SliceJobs } from '../../programs/slices.js'
import { type FormName, formOf } from '../../support/forms.js'
import { SAFE_KINDS } from '../../support/kinds.js'
import { createMap } from '../../support/maps.js'
import { duration, seeded } from '../../support/seeded.js'
import { crewOf, run } from '../../support/team.js'

const team = crewOf<SliceJobs>('slices')

const keyCodecs = { string, f64, i64, bytes } as unknown as Record<KeyForm, MapOptions<unknown, unknown>['key']>

/** Every key codec and every form of value occurs; caches smaller and larger than the keys; few and many shards. */
const CASES: { keyForm: KeyForm; form: FormName; own: number; cache: number; shards: number }[] = [
  { keyForm: 'string', form: 'number', own: 40, cache: 0, shards: 1 },
  { keyForm: 'string', form: 'bytesOfAnyLength', own: 600, cache: 64, shards: 8 },
  { keyForm: 'string', form: 'documents', own: 100, cache: 1000, shards: 64 },
  { keyForm: 'f64', form: 'strings', own: 200, cache: 16, shards: 8 },
  { keyForm: 'f64', form: 'number', own: 600, cache: 0, shards: 64 },
  { keyForm: 'i64', form: 'fields', own: 100, cache: 32, shards: 8 },
  { keyForm: 'bytes', form: 'bigint', own: 100, cache: 16, shards: 2 },
]

for (const kind of SAFE_KINDS) {
  for (const { keyForm, form, own, cache, shards } of CASES) {
    const what = `${keyForm} keys, ${form}, cache ${cache}`
    seeded(
      `${kind}: a worker's own keys answer as in a private Map while two others work beside it (${what})`,
      async random => {
        using map = createMap(kind, { key: keyCodecs[keyForm], value: formOf(form).codec, shards })
        const tasks = [0, cache, cache].map(size => ({
          map: map.handle as MapHandle<unknown, unknown>,
          keyForm,
          form,
          own,
          workers: 3,
          cache: size,
          seed: random.next(),
        }))
        const workers = team('slice', tasks)
        const reports = await run(workers, duration(180), () => workers.control.allHaveSeen)
        const expected = reports.flatMap(report => report.model).sort(([a], [b]) => a - b)
        const found = [...map]
          .map(([key, value]) => [indexOf(keyForm, key), formOf(form).check(value, indexOf(keyForm, key))] as const)
          .sort(([a], [b]) => a - b)
        assert.deepEqual(found, expected)
        assert.equal(map.size, expected.length)
        assert.deepEqual(map.audit(), [])
      },
    )
  }
}
