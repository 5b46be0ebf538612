import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type GuardReport, guard, separate } from 'threadmap/guard'
import { SEED } from '../support/random.js'
import { pause, task } from './programs.js'

/**
 * Random programs of many contexts. A correct program uses each key by one discipline, and nothing is reported; with one planted
 * fault exactly its key is reported. fast-check prints seed and path of a failure.
 */

/** Each key is used in one way only: its first letter says which. */
type Use =
  /** s: read and written in one go */
  | { use: 'sync'; key: number }
  /** l: read and written with a lock held */
  | { use: 'locked'; key: number; wait: Wait }
  /** r: read, waited, read again and written in one go */
  | { use: 'reread'; key: number; wait: Wait }
  /** b: overwritten without being read */
  | { use: 'blind'; key: number }
  /** o: this context's own */
  | { use: 'own'; wait: Wait }
  /** c: looked at, and inserted if it still is absent after the wait */
  | { use: 'compute'; key: number; wait: Wait }
  /** All of the map is read in one go. */
  | { use: 'walk' }
  /** n: an awaited function changes what its caller has read and then writes */
  | { use: 'nested'; depth: number; wait: Wait }
  | { use: 'wait'; wait: Wait }

type Wait = 'microtask' | 'immediate' | 'timer' | 'tick'
type Program = Use[]

const waits: Record<Wait, () => Promise<void>> = {
  microtask: async () => {},
  immediate: () => new Promise(resolve => setImmediate(resolve)),
  timer: () => pause(1),
  tick: () => new Promise(resolve => process.nextTick(resolve)),
}

const wait = fc.constantFrom<Wait>('microtask', 'immediate', 'timer', 'tick')
const key = fc.nat(2)
const use: fc.Arbitrary<Use> = fc.oneof(
  fc.record({ use: fc.constant('sync' as const), key }),
  fc.record({ use: fc.constant('locked' as const), key, wait }),
  fc.record({ use: fc.constant('reread' as const), key, wait }),
  fc.record({ use: fc.constant('blind' as const), key }),
  fc.record({ use: fc.constant('own' as const), wait }),
  fc.record({ use: fc.constant('compute' as const), key, wait }),
  fc.record({ use: fc.constant('walk' as const) }),
  fc.record({ use: fc.constant('nested' as const), depth: fc.integer({ min: 1, max: 3 }), wait }),
  fc.record({ use: fc.constant('wait' as const), wait }),
)
const program = fc.array(use, { maxLength: 12 })
/** How contexts are started: by callbacks of the runtime, or as branches of `Promise.all`. */
const world = fc.record({ programs: fc.array(program, { minLength: 2, maxLength: 6 }), branches: fc.boolean() })

type Counts = Map<string, number>

class World {
  readonly reports: GuardReport[] = []
  readonly map: Counts = guard(new Map<string, number>(), { onReport: report => this.reports.push(report) })
  readonly #locks = new Map<number, Promise<unknown>>()
  #value = 1000

  async run(name: string, uses: Program): Promise<void> {
    for (const one of uses) await this.#perform(name, one)
  }

  #locked(key: number, action: () => Promise<void>): Promise<void> {
    const mine = (this.#locks.get(key) ?? Promise.resolve()).then(action)
    this.#locks.set(key, mine)
    return mine
  }

  #count(key: string): void {
    this.map.set(key, (this.map.get(key) ?? 0) + 1)
  }

  async #slowly(key: string, wait: Wait): Promise<void> {
    const before = this.map.get(key) ?? 0
    await waits[wait]()
    this.map.set(key, before + 1)
  }

  async #nested(key: string, depth: number, wait: Wait): Promise<void> {
    if (depth === 0) return this.#slowly(key, wait)
    const before = this.map.get(key) ?? 0
    await this.#nested(key, depth - 1, wait)
    this.map.set(key, before - 1)
  }

  async #perform(name: string, one: Use): Promise<void> {
    const { map } = this
    switch (one.use) {
      case 'sync':
        return this.#count(`s${one.key}`)
      case 'locked':
        return this.#locked(one.key, () => this.#slowly(`l${one.key}`, one.wait))
      case 'reread':
        map.get(`r${one.key}`)
        await waits[one.wait]()
        return this.#count(`r${one.key}`)
      case 'blind':
        map.set(`b${one.key}`, this.#value++)
        return
      case 'own':
        return this.#slowly(`o${name}`, one.wait)
      case 'compute':
        if (map.has(`c${one.key}`)) return
        await waits[one.wait]()
        if (!map.has(`c${one.key}`)) map.set(`c${one.key}`, this.#value++)
        return
      case 'walk': {
        const names = new Set(map.keys())
        map.forEach((_, key) => {
          names.delete(key)
        })
        assert.equal(names.size, 0)
        return
      }
      case 'nested':
        return this.#nested(`n${name}`, one.depth, one.wait)
      case 'wait':
        return waits[one.wait]()
    }
  }
}

async function live(
  { programs, branches }: { programs: Program[]; branches: boolean },
  planted: (world: World) => (() => Promise<void>)[],
): Promise<GuardReport[]> {
  const made = new World()
  const actions = [...programs.map((uses, i) => () => made.run(String(i), uses)), ...planted(made)]
  await separate(() => Promise.all(actions.map(action => (branches ? action() : task(action)))))
  return made.reports
}

/** How another context comes between. */
const culprits = {
  'overwrites it': (map: Counts) => map.set('fault', 77),
  'counts it in one go': (map: Counts) => map.set('fault', (map.get('fault') ?? 0) + 1),
  'deletes it': (map: Counts) => map.delete('fault'),
  'clears the map': (map: Counts) => map.clear(),
}

describe('random programs', () => {
  // `walk` forgets nothing and blames nobody: a whole-map read before a blind overwrite is left out by `forEach` and `keys`
  // only where the key was there and changed once; so blind keys are not mixed with it here (docs/guard.md says why).
  const correct = world.map(({ programs, branches }) => ({
    branches,
    programs: programs.map(uses => {
      const walks = uses.some(one => one.use === 'walk')
      return walks ? uses.filter(one => one.use !== 'blind') : uses
    }),
  }))

  test('a correct one is never reported', async () => {
    await fc.assert(
      fc.asyncProperty(correct, async one => {
        assert.deepEqual((await live(one, () => [])).map(String), [])
      }),
      { seed: SEED, numRuns: 120 },
    )
  })

  test('a fault among correct ones is reported, and nothing else', async () => {
    const how = fc.constantFrom(...(Object.keys(culprits) as (keyof typeof culprits)[]))
    // Contexts that clear or walk the whole map read the key of the fault too; that is not the planted fault.
    const calm = correct.map(one => ({
      ...one,
      branches: false,
      programs: one.programs.map(uses =>
        uses.filter(({ use }) => use !== 'walk' && use !== 'own' && use !== 'nested' && use !== 'locked'),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(calm, how, wait, async (one, culprit, pauseBefore) => {
        const reports = await live(one, ({ map }) => {
          map.set('fault', 1)
          let read!: () => void
          let changed!: () => void
          const wasRead = new Promise<void>(resolve => {
            read = resolve
          })
          const wasChanged = new Promise<void>(resolve => {
            changed = resolve
          })
          return [
            async () => {
              const before = map.get('fault') ?? 0
              read()
              await waits[pauseBefore]()
              await wasChanged
              map.set('fault', before + 10)
            },
            async () => {
              await wasRead
              await waits[pauseBefore]()
              culprits[culprit](map)
              changed()
            },
          ]
        })
        assert.deepEqual(
          reports.map(report => report.key),
          ['fault'],
          reports.join('\n'),
        )
      }),
      { seed: SEED, numRuns: 80 },
    )
  })

  test('branches of Promise.all that count with a wait between are reported, in whatever order they end', async () => {
    const delays = fc.array(wait, { minLength: 2, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(delays, async waited => {
        const reports: GuardReport[] = []
        const map = guard(new Map<string, number>(), { onReport: report => reports.push(report) })
        await separate(() =>
          Promise.all(
            waited.map(async how => {
              const before = map.get('k') ?? 0
              await waits[how]()
              map.set('k', before + 1)
            }),
          ),
        )
        assert.equal(map.get('k'), 1)
        assert.equal(reports.length, waited.length - 1)
      }),
      { seed: SEED, numRuns: 60 },
    )
  })
})
