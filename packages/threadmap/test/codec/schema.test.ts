import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type } from 'arktype'
import { CodecError, FastMap, json, OptionError, type StandardSchema, string } from 'threadmap'
import * as v from 'valibot'
import { z } from 'zod'
import { mapClasses, TEST_BYTES } from '../support/maps.js'

/** `json(schema)` with three libraries that implement Standard Schema. */

interface User {
  name: string
  tags: string[]
}

const schemas: Record<string, StandardSchema<unknown, User>> = {
  zod: z.object({ name: z.string(), tags: z.array(z.string()) }),
  valibot: v.object({ name: v.string(), tags: v.array(v.string()) }),
  arktype: type({ name: 'string', tags: 'string[]' }),
}

for (const Class of mapClasses) {
  for (const [library, schema] of Object.entries(schemas)) {
    test(`${Class.name}: json with a schema of ${library} validates on the way in, and names the key and the place`, () => {
      using map = new Class({ key: string, value: json(schema), maxBytes: TEST_BYTES })
      const good: User = { name: 'a', tags: ['x'] }
      map.set('user:1', good)
      assert.deepEqual(map.get('user:1'), good)
      const bad = { name: 'a', tags: ['x', 5] }
      const refused = (error: unknown): boolean =>
        error instanceof CodecError && error.message.includes("'user:2'") && error.message.includes('value.tags[1]')
      for (const act of [
        () => map.set('user:2', bad),
        () => map.swap('user:2', bad),
        () => map.getOrInsert('user:2', bad),
        () => map.getOrInsertComputed('user:2', () => bad),
        () => map.update('user:2', () => bad),
        () => map.compareAndSwap('user:2', good, bad),
      ]) {
        assert.throws(act, refused)
        assert.equal(map.size, 1)
      }
      assert.throws(() => map.set('user:2', Promise.resolve(good)), CodecError)
      assert.equal(map.compareAndSwap('user:1', good, { name: 'b', tags: [] }), true)
      assert.equal(map.compareAndDelete('user:1', { name: 'b', tags: [] }), true)

      // The handle says `json`: an attaching thread may validate too, or not.
      using plain = Class.attach(map.handle)
      plain.set('user:3', bad)
      assert.deepEqual(map.get('user:3'), bad)
      using checked = Class.attach(map.handle, { value: json(schema) })
      assert.throws(() => checked.set('user:2', bad), refused)
    })
  }
}

test('what the schema returns is stored and returned: defaults, stripped fields, conversions', () => {
  using map = new FastMap({
    key: string,
    value: json(z.object({ name: z.string().trim(), role: z.string().default('guest') })),
    maxBytes: TEST_BYTES,
  })
  const loose = { name: ' a ', secret: 1 } as unknown as { name: string; role: string }
  const stored = { name: 'a', role: 'guest' }
  assert.deepEqual(map.getOrInsert('k', loose), stored)
  assert.deepEqual(map.get('k'), stored)
  assert.deepEqual(
    map.update('j', () => loose),
    stored,
  )
  assert.deepEqual(map.set('i', loose).get('i'), stored)
  assert.deepEqual(
    map.getOrInsertComputed('h', () => loose),
    stored,
  )
  assert.equal(map.compareAndSwap('h', stored, { name: 'b', role: 'admin' }), true)
  // The types follow from the schema's output.
  const role: string | undefined = map.get('h')?.role
  assert.equal(role, 'admin')
  // @ts-expect-error: `role` is missing
  map.set('g', { name: 'a' })
})

test('a schema that validates asynchronously is refused in words', async () => {
  const schemas = [
    z.string().refine(async text => (await text) !== 'bad'),
    // Nothing awaits this rejection.
    v.pipeAsync(
      v.string(),
      v.checkAsync(async () => Promise.reject(new Error('too late'))),
    ),
  ]
  for (const schema of schemas) {
    using map = new FastMap({ key: string, value: json(schema), maxBytes: TEST_BYTES })
    assert.throws(
      () => map.set('k', 'bad'),
      error => error instanceof CodecError && /asynchronous/.test(error.message) && /'k'/.test(error.message),
    )
    assert.equal(map.size, 0)
  }
  // An unhandled rejection would end the process.
  await new Promise(resolve => setTimeout(resolve, 20))
})

test('what is no schema is refused when the codec is made', () => {
  for (const wrong of [
    null,
    5,
    {},
    { '~standard': {} },
    { '~standard': { version: 2, validate: () => {} } },
    () => 1,
  ]) {
    assert.throws(() => json(wrong as never), OptionError)
  }
})

test('an error of many issues tells the first ones, and keys of any kind', () => {
  const symbol = Symbol('s')
  const schema: StandardSchema<unknown, string> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: () => ({
        issues: [
          { message: 'at the top' },
          { message: 'odd', path: ['an odd', { key: 3 }, symbol] },
          ...Array.from({ length: 20 }, (_, i) => ({ message: 'more', path: [i] })),
        ],
      }),
    },
  }
  using map = new FastMap({ key: string, value: json(schema), maxBytes: TEST_BYTES })
  assert.throws(
    () => map.set('k', 'x'),
    /test schema.*value: at the top; value\["an odd"\]\[3\]\[Symbol\(s\)\]: odd; .*and 17 more.*'k'/,
  )
})

test('a schema that uses the map while it validates does no harm', () => {
  using map: FastMap<string, number> = new FastMap({
    key: string,
    value: json(
      z.number().transform(value => {
        if (value < 3) map.set(`inner ${value}`, value + 1)
        return value
      }),
    ),
    maxBytes: TEST_BYTES,
  })
  map.set('outer', 0)
  assert.deepEqual([...map].sort(), [
    ['inner 0', 1],
    ['inner 1', 2],
    ['inner 2', 3],
    ['outer', 0],
  ])
})
