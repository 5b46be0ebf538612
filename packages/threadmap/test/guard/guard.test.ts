import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { FastMap, f64, OptionError, string } from 'threadmap'
import { GuardError, type GuardReport, guard } from 'threadmap/guard'
import { collectGarbage } from '../support/garbage.js'
import { PATIENCE } from '../support/patience.js'
import { cases, reportsOf, shared } from './cases.js'
import { pause, task } from './programs.js'

describe('what the guard finds, and where it is silent', () => {
  for (const one of cases) {
    test(`${one.finds ?? 'silent'}: ${one.name}`, async () => {
      const reports = await reportsOf(one)
      const kinds = [...new Set(reports.map(report => report.kind))]
      assert.deepEqual(kinds, one.finds ? [one.finds] : [], reports.join('\n'))
    })
  }

  test('the same of a FastMap (but for iteration, whose order is not that of insertion)', async () => {
    for (const one of cases.filter(({ name }) => !/removal/.test(name))) {
      using map = shared()
      const kinds = new Set((await reportsOf(one, map as unknown as Map<string, number>)).map(report => report.kind))
      assert.deepEqual([...kinds], one.finds ? [one.finds] : [], one.name)
    }
  })

  test('the one-step operations of a FastMap are no fault, and a change for those who read before', async () => {
    using map = new FastMap({ key: string, value: f64 })
    const reports: GuardReport[] = []
    guard(map, { onReport: report => reports.push(report) })
    const add = async () => {
      map.get('k')
      await pause()
      map.add('k', 1)
      map.get('k')
      await pause()
      map.update('k', value => (value ?? 0) + 1)
    }
    await Promise.all([task(add), task(add), task(add)])
    assert.equal(map.get('k'), 6)
    assert.deepEqual(reports.map(String), [])
    await Promise.all([
      task(async () => {
        const before = map.get('k') as number
        await pause(5)
        map.set('k', before + 1)
      }),
      task(async () => map.add('k', 1)),
    ])
    assert.deepEqual(
      reports.map(({ other }) => other.operation),
      ['add'],
    )
  })
})

/** A context reads, waits and writes, and another one writes in between. */
async function collide(map: Map<string, number>): Promise<void> {
  await Promise.all([
    task(async function reader() {
      const before = map.get('k') ?? 0
      await pause(5)
      map.set('k', before + 1)
    }),
    task(async function stranger() {
      map.set('k', 10)
    }),
  ])
}

describe('a report', () => {
  test('names the map, the key, the three places, and the fix', async () => {
    const reports: GuardReport[] = []
    await collide(guard(new Map(), { name: 'carts', onReport: report => reports.push(report) }))
    assert.equal(reports.length, 1)
    const [report] = reports
    assert.equal(report.map, 'carts')
    assert.equal(report.key, 'k')
    assert.equal(report.read.operation, 'get')
    assert.match(report.read.stack, /^ +at .*reader .*guard\.test\.js:\d+:\d+/)
    assert.equal(report.other.operation, 'set')
    assert.match(report.other.stack, /^ +at .*stranger .*guard\.test\.js:\d+:\d+/)
    assert.equal(report.act.operation, 'set')
    assert.match(report.act.stack, /^ +at .*reader .*guard\.test\.js:\d+:\d+/)
    assert.notEqual(report.act.stack.split('\n')[0], report.read.stack.split('\n')[0])
    for (const part of [/"k"/, /`carts`/, /reader/, /stranger/, /getOrInsertComputed/, /update\(/, /mutex/]) {
      assert.match(report.message, part)
    }
    assert.doesNotMatch(report.message, /guarded\.js|node:internal/)
  })

  test('goes to console.warn, once for each pair of places', async t => {
    const warn = t.mock.method(console, 'warn', () => {})
    const map = guard(new Map<string, number>())
    for (let i = 0; i < 3; i++) await collide(map)
    assert.equal(warn.mock.callCount(), 1)
    assert.match(String(warn.mock.calls[0].arguments[0]), /^threadmap\/guard: lost update/)
  })

  test('is thrown in place of the write, which leaves the map as it is', async () => {
    const map = guard(new Map<string, number>(), { throw: true })
    await assert.rejects(collide(map), (error: unknown) => {
      assert.ok(error instanceof GuardError)
      assert.equal(error.code, 'ERR_THREADMAP_GUARD')
      assert.equal(error.report.kind, 'lost-update')
      return true
    })
    assert.equal(map.get('k'), 10)
  })

  test('says so where the budget for stacks was spent, and still knows the last place', async () => {
    const reports: GuardReport[] = []
    await collide(guard(new Map(), { stacks: 0, onReport: report => reports.push(report) }))
    assert.equal(reports[0].read.stack, '')
    assert.match(reports[0].message, /no stack: the budget was spent/)
    assert.match(reports[0].act.stack, /reader/)
  })
})

describe('a guarded map is the map', () => {
  test('the same object, of the same class, with the same answers', () => {
    const plain = new Map<unknown, unknown>([
      ['a', 1],
      ['b', undefined],
      [Number.NaN, 2],
    ])
    const map = guard(plain)
    assert.equal(map, plain)
    assert.ok(map instanceof Map)
    assert.equal(Object.getPrototypeOf(map), Map.prototype)
    assert.deepEqual(Object.keys(map), [])
    assert.deepStrictEqual(map, new Map(plain))
    assert.deepStrictEqual(structuredClone(map), new Map(plain))
    assert.equal(map.size, 3)
    assert.equal(map.get(Number.NaN), 2)
    assert.equal(map.has('b'), true)
    assert.equal(map.get('b'), undefined)
    assert.equal(map.set('c', 3), map)
    assert.deepEqual([...map.keys()], ['a', 'b', Number.NaN, 'c'])
    assert.deepEqual([...map.values()], [1, undefined, 2, 3])
    assert.deepEqual([...map.entries()], [...map])
    const seen: unknown[] = []
    const self = {}
    map.forEach(function (this: unknown, value, key, of) {
      assert.equal(this, self)
      assert.equal(of, map)
      seen.push([key, value])
    }, self)
    assert.deepEqual(seen, [...map])
    assert.equal(map.delete('a'), true)
    assert.equal(map.delete('a'), false)
    assert.equal(map.clear(), undefined)
    assert.equal(map.size, 0)
    const iterator = map.keys()
    assert.equal(Object.prototype.toString.call(iterator), '[object Map Iterator]')
    assert.equal(iterator[Symbol.iterator](), iterator)
    const strict = guard(new Map([[1, 1]]), { strict: true })
    assert.equal(strict.size, 1)
  })

  test('methods of a subclass work, and what they do to themselves is one operation', async () => {
    class Recent extends Map<string, number> {
      override get(key: string): number | undefined {
        const value = super.get(key)
        if (value === undefined) return undefined
        this.delete(key)
        this.set(key, value)
        return value
      }
      double(key: string): void {
        this.set(key, (this.get(key) ?? 0) * 2)
      }
    }
    const reports: GuardReport[] = []
    const map = guard(new Recent([['k', 1]]), { onReport: report => reports.push(report) })
    map.set('l', 5)
    assert.equal(map.get('k'), 1)
    assert.deepEqual([...map.keys()], ['l', 'k'])
    map.double('k')
    assert.equal(map.get('k'), 2)
    await Promise.all([
      task(async () => {
        const before = map.get('k') as number
        await pause(5)
        map.set('k', before + 1)
      }),
      task(async () => map.get('k')),
    ])
    assert.deepEqual(reports.map(String), [])
    await collide(map)
    assert.equal(reports[0].map, 'Recent')
  })

  test('what cannot be guarded is refused by name', () => {
    const refuses = (action: () => unknown, text: RegExp) =>
      assert.throws(action, (error: unknown) => error instanceof OptionError && text.test(error.message))
    refuses(() => guard(null as unknown as Map<string, string>), /takes a Map.*null/)
    refuses(() => guard(new Set() as unknown as Map<string, string>), /takes a Map/)
    refuses(() => guard(guard(new Map())), /has a guard already/)
    refuses(() => guard(Object.freeze(new Map())), /frozen/)
    refuses(() => guard(new Map(), { stacks: -1 }), /stacks.*-1/)
    refuses(() => guard(new Map(), { frames: 1.5 }), /frames.*1\.5/)
  })
})

test('where there is no AsyncLocalStorage it says so once and leaves the map as it is', () => {
  const program = `
    process.getBuiltinModule = undefined
    const { guard } = await import('../../../dist/web/guard.js')
    const map = guard(new Map([['a', 1]]))
    guard(new Map())
    console.log(Object.getOwnPropertyNames(map).length, map.get('a'))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
    timeout: PATIENCE,
  })
  assert.equal(stdout.trim(), '0 1')
  assert.equal(stderr.match(/has no AsyncLocalStorage/g)?.length, 1, stderr)
})

test('an endless loop holds no memory: what is remembered of a path is bounded', async () => {
  const map = guard(new Map<string, object>())
  const values: WeakRef<object>[] = []
  for (let i = 0; i < 3000; i++) {
    const value = {}
    values.push(new WeakRef(value))
    map.set('k', value)
    map.get('k')
    if (i % 10 === 0) await pause(0)
  }
  await collectGarbage()
  // A FinalizationRegistry cannot count them: Node 24 and later collect it with its callbacks when no later line uses it.
  const kept = values.filter(value => value.deref() !== undefined).length
  assert.equal(map.size, 1, 'the map is used until here, so that it has not been collected with all that it holds')
  assert.ok(kept > 0 && kept <= 500, `${kept} of 3000 values are still held`)
})
