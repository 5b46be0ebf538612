/**
 * Loads of a cache (kernel/maps/cache-loads.ts), on the explore flavour of the kernel: a thread dies before each access to shared memory
 * that it makes while it begins or ends a load; and at each access of one that lives, another thread reads, sets, deletes or begins.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, f64, string } from 'threadmap'
import { type CacheOptions, SharedCache } from 'threadmap/cache'
import { Death, KEY, type KernelCall, L, LogicalThread, type Scheduler, VALUE } from './thread.js'

const MAX_BYTES = 2 ** 20
const STACK = 16384
/** Longer than any test. */
const LONG = 1e6
const FORCE = 1
const TEXT = '{"n":"Error","m":"no"}'

interface Form {
  readonly codec: typeof f64 | typeof bytes
  make(n: number): unknown
  read(value: unknown): number | undefined
}

const forms: Record<string, Form> = {
  numbers: { codec: f64, make: n => n, read: value => value as number | undefined },
  blocks: {
    codec: bytes,
    make: n => new Uint8Array(40).fill(n),
    read(value) {
      if (value === undefined) return undefined
      const content = value as Uint8Array
      assert.ok(content.length === 40 && content.every(byte => byte === content[0]), 'a torn value')
      return content[0]
    },
  },
}

/** A small cache, one logical thread, and the survivor: the thread of the test, on the shipped kernel. */
class World implements Scheduler {
  readonly cache: SharedCache<string, unknown>
  readonly thread: LogicalThread
  readonly form: Form
  readonly #bytes: Uint8Array
  readonly #words: Int32Array
  #picture: Uint8Array
  accesses = 0
  limit = Number.POSITIVE_INFINITY
  /** Runs before each access. */
  between: (at: number) => void = () => {}

  constructor(form: Form, options: Partial<CacheOptions<string, unknown>>, fill: (world: World) => void) {
    this.form = form
    this.cache = new SharedCache<string, unknown>({
      key: string,
      value: form.codec as never,
      max: 6,
      shards: 1,
      maxBytes: MAX_BYTES,
      seed: 7n,
      lockTimeout: 100,
      ...options,
    })
    const { memory } = this.cache.session
    const pages = memory.buffer.byteLength / L.WASM_PAGE
    new Int32Array(memory.buffer)[L.H_MAX_PAGES >>> 2] = (MAX_BYTES - L.WASM_PAGE) / L.PAGE
    memory.grow(MAX_BYTES / L.WASM_PAGE - pages)
    this.cache.session.scratch.refresh()
    this.#bytes = new Uint8Array(memory.buffer)
    this.#words = new Int32Array(memory.buffer)
    // All memory but the last page, where the stack is, is there at once: nothing grows.
    this.#words[L.H_PAGES_SEEN >>> 2] = (MAX_BYTES - L.WASM_PAGE) / L.PAGE
    this.thread = new LogicalThread(memory as WebAssembly.Memory, this, 0, MAX_BYTES - STACK, STACK)
    this.#picture = this.#bytes.slice()
    fill(this)
    this.#picture = this.#bytes.slice()
  }

  restore(): void {
    this.#bytes.set(this.#picture)
    this.thread.reset()
  }

  access(): boolean {
    const at = this.accesses++
    if (at >= this.limit) throw new Death()
    this.between(at)
    return true
  }

  resumed(): void {}

  wait(): number {
    throw new Error('a thread sleeps, and there is nobody who could wake it')
  }

  notify(): number {
    return 0
  }

  grow(): number {
    return -1
  }

  now(): number {
    return this.cacheTime()
  }

  cacheTime(): number {
    return this.cache.session.clock.now()
  }

  /** Whether nobody has the shard's mutex: the survivor can take it then. */
  get isUnlocked(): boolean {
    return this.#words[(L.SHARDS + L.D_LOCK) >>> 2] === 0
  }

  /** Runs a call in the logical thread. Undefined: it died before its access number `limit`. */
  run(call: () => KernelCall, limit = Number.POSITIVE_INFINITY): number | undefined {
    this.accesses = 0
    this.limit = limit
    try {
      return this.thread.run(call())
    } catch (error) {
      if (error instanceof Death) return undefined
      throw error
    } finally {
      this.limit = Number.POSITIVE_INFINITY
    }
  }

  #key(key: string): number {
    return string.write(this.thread.scratch, KEY, key)
  }

  begin = (key: string, waited = 0, force = 0): (() => KernelCall) => {
    return () => ['beginLoad', this.#key(key), waited, force, LONG]
  }

  /** The number of the load that the logical thread has begun. */
  get token(): number {
    const { u32, resultWord } = this.thread.scratch
    return u32[(resultWord + L.R_TOKEN) >>> 2]!
  }

  end = (key: string, token: number, value: number): (() => KernelCall) => {
    return () => {
      const { scratch } = this.thread
      const valueMeta = this.form.codec.write(scratch, VALUE, this.form.make(value) as never)
      return ['endLoad', this.#key(key), token, valueMeta, LONG, 1, 5]
    }
  }

  endWithout = (key: string, token: number, how: number): (() => KernelCall) => {
    return () => {
      const textMeta = string.write(this.thread.scratch, VALUE, TEXT)
      return ['endLoadWithout', this.#key(key), token, how, textMeta, 0, 5]
    }
  }

  /** The survivor begins a load: the kernel's code. */
  survivorBegins(key: string): number {
    const { kernel, scratch } = this.cache.session
    return kernel.beginLoad(string.write(scratch, KEY, key), 0, 0, LONG)
  }

  /** The survivor ends the load that it has just begun. */
  survivorEnds(key: string, value: number): number {
    const { kernel, scratch } = this.cache.session
    const token = scratch.u32[(scratch.resultWord + L.R_TOKEN) >>> 2]!
    const valueMeta = this.form.codec.write(scratch, VALUE, this.form.make(value) as never)
    return kernel.endLoad(string.write(scratch, KEY, key), token, valueMeta, LONG, 1, 5)
  }

  get(key: string): number | undefined {
    return this.form.read(this.cache.get(key))
  }

  set(key: string, value: number): void {
    this.cache.set(key, this.form.make(value))
  }

  audit(where: string): void {
    assert.deepEqual(this.cache.audit(), [], where)
  }
}

interface Step {
  readonly name: string
  readonly options?: Partial<CacheOptions<string, unknown>>
  /** The value of the key 'a' at first; 0: none. */
  readonly old: number
  /** Further keys. */
  readonly others?: number
  /** What the logical thread does first, whole. Its load's number is `world.token` afterwards. */
  before?(world: World): void
  /** The call at each of whose accesses the thread may die. */
  call(world: World): () => KernelCall
  /** What readers may get of the key from now on. */
  readonly now: readonly (number | undefined)[]
}

const STALE = { ttl: 0.001, staleFor: LONG }
const begun = (world: World): void => {
  assert.equal(world.run(world.begin('a', 0, FORCE)), L.LOAD_MINE)
}

const steps: readonly Step[] = [
  { name: 'begins a load of a new key', old: 0, call: world => world.begin('a'), now: [undefined] },
  { name: 'begins a load in a full cache', old: 0, others: 6, call: world => world.begin('a'), now: [undefined] },
  { name: 'begins a load of a stale key', options: STALE, old: 1, call: world => world.begin('a'), now: [undefined] },
  {
    name: 'begins a load of an expired key',
    options: { ttl: 0.001 },
    old: 1,
    call: world => world.begin('a'),
    now: [undefined],
  },
  { name: 'refreshes a fresh key', old: 1, call: world => world.begin('a', 0, FORCE), now: [1] },
  {
    name: 'ends a load with a value',
    old: 0,
    before: begun,
    call: world => world.end('a', world.token, 2),
    now: [undefined, 2],
  },
  {
    name: 'ends a load in a full cache',
    old: 0,
    others: 6,
    before: begun,
    call: world => world.end('a', world.token, 2),
    now: [undefined, 2],
  },
  {
    name: 'ends the load of a stale key',
    options: STALE,
    old: 1,
    before: begun,
    call: world => world.end('a', world.token, 2),
    now: [undefined, 2],
  },
  { name: 'ends a refresh', old: 1, before: begun, call: world => world.end('a', world.token, 2), now: [1, 2] },
  ...(['LOAD_FAILS', 'LOAD_ENDS', 'LOAD_IS_ABANDONED', 'LOAD_IS_RELEASED'] as const).flatMap((how): Step[] => [
    {
      name: `ends a load by ${how}`,
      old: 0,
      before: begun,
      call: world => world.endWithout('a', world.token, L[how]),
      now: [undefined],
    },
    {
      name: `ends a refresh by ${how}`,
      old: 1,
      before: begun,
      call: world => world.endWithout('a', world.token, L[how]),
      now: how === 'LOAD_ENDS' ? [1, undefined] : [1],
    },
  ]),
]

function worldOf(form: Form, step: Step): World {
  return new World(form, step.options ?? {}, world => {
    for (let i = 0; i < (step.others ?? 2); i++) world.set(`other ${i}`, 50 + i)
    if (step.old !== 0) world.set('a', step.old)
    // Until a thousandth of a millisecond is over.
    const end = performance.now() + 1
    while (performance.now() < end);
    step.before?.(world)
  })
}

/** The survivor loads the key, whatever it finds, and uses the cache. */
function goOn(world: World, step: Step, where: string): void {
  const seen = world.get('a')
  assert.ok(step.now.includes(seen), `${where}: the key has the value ${seen}`)
  // A load that has begun and not ended is no entry.
  if (step.name.startsWith('begins') && step.options === undefined) {
    assert.equal(world.cache.size, [...world.cache.keys()].length, `${where}: the size`)
  }
  const code = world.survivorBegins('a')
  if (seen === undefined) {
    assert.equal(code, L.LOAD_MINE, `${where}: the survivor has to load`)
    assert.equal(world.survivorEnds('a', 77), L.PRESENT, `${where}: its value is stored`)
    if (step.options?.ttl === undefined) assert.equal(world.get('a'), 77, where)
  } else {
    assert.equal(code, L.PRESENT, `${where}: the survivor has a fresh value`)
  }
  world.audit(where)
  for (let i = 0; i < 12; i++) world.set(`later ${i}`, i + 1)
  for (let i = 0; i < 12; i++) world.cache.delete(`later ${i}`)
  world.audit(where)
}

for (const [formName, form] of Object.entries(forms)) {
  for (const step of steps) {
    test(`${formName}: a thread that ${step.name} may die at any step`, () => {
      const world = worldOf(form, step)
      let deaths = 0
      for (let ended = false; !ended; deaths++) {
        world.restore()
        ended = world.run(step.call(world), deaths) !== undefined
        const where = `died before access ${deaths}${ended ? ', after its call' : ''}`
        world.cache.session.recover(world.thread.owner)
        world.audit(where)
        goOn(world, step, where)
      }
      assert.ok(deaths > 8, `${deaths} deaths`)
      world.cache[Symbol.dispose]()
    })

    test(`${formName}: at each step of a thread that ${step.name}, another one reads`, () => {
      const world = worldOf(form, step)
      world.restore()
      let last = 0
      world.between = at => {
        const seen = world.get('a')
        const index = step.now.indexOf(seen)
        assert.ok(index >= last, `before access ${at}: read ${seen}, after ${step.now[last]}`)
        last = index
      }
      assert.ok(world.run(step.call(world))! >= 0)
      world.between = () => {}
      assert.equal(last, step.now.length - 1, 'the change was seen')
      world.audit('at the end')
      world.cache[Symbol.dispose]()
    })

    if (step.options !== undefined) continue
    test(`${formName}: at each unlocked step of a thread that ${step.name}, another one sets or deletes the key`, () => {
      const world = worldOf(form, step)
      let turns = 0
      for (const deletes of [false, true]) {
        for (let at = 0, done = false; !done; at++) {
          world.restore()
          let changed = false
          world.between = now => {
            if (now !== at || !world.isUnlocked) return
            changed = true
            if (deletes) world.cache.delete('a')
            else world.set('a', 9)
          }
          world.run(step.call(world))
          world.between = () => {}
          done = world.accesses <= at
          if (!changed) continue
          turns++
          // Whether the change came before or after: a value that was loaded before it is gone.
          assert.equal(world.get('a'), deletes ? undefined : 9, `changed before access ${at}`)
          world.audit(`changed before access ${at}`)
        }
      }
      assert.ok(turns > 0)
      world.cache[Symbol.dispose]()
    })
  }

  test(`${formName}: the load of a thread that was declared dead, or whose slot another one has, is taken over`, () => {
    const world = worldOf(form, { ...steps[0]!, before: begun })
    world.restore()
    assert.equal(world.survivorBegins('a'), L.LOAD_OTHER)
    // Dead, and not recovered yet.
    world.cache.session.kernel.declareDead(world.thread.owner)
    assert.equal(world.survivorBegins('a'), L.LOAD_MINE)
    world.restore()
    world.cache.session.recover(world.thread.owner)
    const next = new LogicalThread(
      world.cache.session.memory as WebAssembly.Memory,
      world,
      1,
      MAX_BYTES - 2 * STACK,
      STACK,
    )
    assert.equal(next.owner, world.thread.owner, 'the slot is the same')
    assert.equal(world.survivorBegins('a'), L.LOAD_MINE)
    world.cache[Symbol.dispose]()
  })

  test(`${formName}: of two threads that begin a load of one key at any step, one loads`, () => {
    const step = steps[0]!
    const world = worldOf(form, step)
    let turns = 0
    for (let at = 0, done = false; !done; at++) {
      world.restore()
      let code = 0
      world.between = now => {
        if (now === at && world.isUnlocked) code = world.survivorBegins('a')
      }
      const own = world.run(step.call(world))
      world.between = () => {}
      done = world.accesses <= at
      if (code === 0) continue
      turns++
      assert.deepEqual([own, code].sort(), [L.LOAD_MINE, L.LOAD_OTHER])
    }
    assert.ok(turns > 0)
    world.cache[Symbol.dispose]()
  })
}

test('a value that takes the places of a thousand others gives the lock up every 32 evictions', () => {
  const OTHERS = 1000
  const weigh = (value: unknown): number => (value as Uint8Array)[0]!
  const world = new World(forms.blocks!, { max: undefined as never, maxWeight: OTHERS, weigh }, world => {
    for (let i = 0; i < OTHERS; i++) world.set(`other ${i}`, 1)
  })
  world.restore()
  let times = 0
  let wasLocked = false
  world.between = () => {
    if (wasLocked && world.isUnlocked) times++
    wasLocked = !world.isUnlocked
  }
  world.run(() => {
    const { scratch } = world.thread
    const valueMeta = world.form.codec.write(scratch, VALUE, world.form.make(9) as never)
    return ['changeCache', L.SET, string.write(scratch, KEY, 'heavy'), valueMeta, 0, Number.POSITIVE_INFINITY, OTHERS]
  })
  assert.ok(times >= Math.floor(OTHERS / 32), `${times} times`)
  assert.equal(world.get('heavy'), 9)
  assert.equal(world.cache.size, 1)
  world.audit('at the end')
  world.cache[Symbol.dispose]()
})
