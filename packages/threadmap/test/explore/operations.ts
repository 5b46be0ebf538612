/** The operations of a map as logical threads do them: call by call into the kernel, as src/maps does. */
import { string } from 'threadmap'
import type { Output, Step } from './steps.js'
import { EXPECTED, KEY, type KernelCall, L, type LogicalThread, type Operation, VALUE } from './thread.js'
import type { World } from './world.js'

export class KernelFailure extends Error {}

const errors: Record<number, string> = {
  [L.E_TIMEOUT]: 'E_TIMEOUT',
  [L.E_FULL]: 'E_FULL',
  [L.E_WRITES]: 'E_WRITES',
  [L.E_READ_WRITE]: 'E_READ_WRITE',
  [L.E_ITERATION_WRITE]: 'E_ITERATION_WRITE',
}

const ops: Record<string, number> = {
  set: L.SET,
  getOrInsert: L.INSERT,
  swap: L.SWAP,
  compareAndSwap: L.COMPARE_AND_SWAP,
  compareAndDelete: L.COMPARE_AND_DELETE,
  delete: L.DELETE,
  getAndDelete: L.GET_AND_DELETE,
  add: L.ADD,
}

/** The calls that take a key as a string, by those that take its meta word. */
const textCalls = { get: 'getText', getNumber: 'getNumberOfText', has: 'hasText' } as const

/** Longer than any schedule, in milliseconds. */
const LONG = 1e6

/** What `update` makes of a value. */
export function updated(value: number | undefined): number {
  return ((value ?? 50) + 7) % 256
}

/** The kernel calls of an operation, for this thread of this world. */
export function perform(world: World, thread: LogicalThread, step: Step): Operation {
  thread.computed = false
  return new Performer(world, thread).perform(step)
}

class Performer {
  readonly #world: World
  readonly #thread: LogicalThread

  constructor(world: World, thread: LogicalThread) {
    this.#world = world
    this.#thread = thread
  }

  perform(step: Step): Operation {
    switch (step.op) {
      case 'get':
        return this.#get(step.key!)
      case 'has':
        return this.#has(step.key!)
      case 'update':
        return this.#update(step.key!)
      case 'compute':
        return this.#compute(step.key!, step.value!)
      case 'nest':
        return this.#compute(step.key!, step.value!, step.via)
      case 'cachedGet':
        return this.#cachedGet(step.key!)
      case 'keptGet':
        return this.#keptGet(step.key!)
      case 'clear':
        return this.#clear()
      case 'iterate':
        return this.#iterate()
      case 'size':
        return this.#size()
      case 'recover':
        return this.#recover(step.owner!)
      case 'beginLoad':
        return this.#beginLoad(step.key!, 0)
      case 'refresh':
        return this.#beginLoad(step.key!, 1)
      case 'endLoad':
      case 'dropLoad':
      case 'endEmpty':
        return this.#endLoad(step)
      default:
        return this.#change(step)
    }
  }

  *#get(key: string): Operation {
    if (!this.#readsNumbers()) {
      const code = yield this.#lookUp('get', key)
      return code === L.PRESENT ? this.#result() : output(code)
    }
    // The scenarios' values are whole numbers, so NaN means an absent key.
    const value = yield this.#lookUp('getNumber', key)
    if (!Number.isNaN(value)) return value
    const { u32, resultWord } = this.#thread.scratch
    return output(u32[(resultWord + L.R_CODE) >>> 2] | 0)
  }

  *#has(key: string): Operation {
    const code = yield this.#lookUp('has', key)
    return code < 0 ? output(code) : code === L.PRESENT
  }

  *#change(step: Step): Operation {
    const expectedMeta = step.expected === undefined ? 0 : this.#value(EXPECTED, step.expected)
    const valueMeta = step.value === undefined ? 0 : this.#value(VALUE, step.value)
    const code = yield this.#changing(ops[step.op], step.key!, valueMeta, expectedMeta, step.ttl)
    if (code < 0) return output(code)
    switch (step.op) {
      case 'set':
        return undefined
      case 'add':
        return this.#result()
      case 'getOrInsert':
        return code === L.PRESENT ? this.#result() : step.value
      case 'swap':
      case 'getAndDelete':
        return code === L.PRESENT ? this.#result() : undefined
      default:
        return code === L.PRESENT
    }
  }

  *#update(key: string): Operation {
    while (true) {
      const code = yield this.#lookUp('get', key)
      if (code < 0) return output(code)
      if (code !== L.PRESENT) {
        const fresh = updated(undefined)
        const done = yield this.#changing(L.INSERT, key, this.#value(VALUE, fresh), 0)
        if (done < 0) return output(done)
        if (done === L.ABSENT) return fresh
        continue
      }
      const token = this.#token()
      const value = updated(this.#result())
      const valueMeta = this.#value(VALUE, value)
      if (this.#isCache()) yield ['setRecord', this.#world.ttl, 1]
      const done = yield [
        'changeSame',
        L.REPLACE_SAME,
        this.#key(key),
        valueMeta,
        token.entry,
        token.generation,
        token.low,
        token.high,
      ]
      if (done < 0) return output(done)
      if (done === L.PRESENT) return value
    }
  }

  /** `via`: the function asks for this key too, which is absent and which no other thread inserts. */
  *#compute(key: string, value: number, via?: string): Operation {
    const before = yield this.#lookUp('get', key)
    if (before === L.PRESENT) return this.#result()
    if (before < 0) return output(before)
    const claim = yield ['beginClaim', this.#key(key)]
    if (claim < 0) return output(claim)
    const again = yield this.#lookUp('get', key)
    let result: Output = value
    if (again === L.PRESENT) {
      result = this.#result()
    } else if (again < 0) {
      result = output(again)
    } else {
      this.#thread.computed = true
      if (via !== undefined) {
        const inner = yield ['beginClaim', this.#key(via)]
        // A thread that would close a circle gets this error.
        if (inner >= 0) yield ['endClaim', inner]
        else if (inner !== L.E_DEADLOCK) return output(inner)
      }
      const code = yield this.#changing(L.INSERT, key, this.#value(VALUE, value), 0)
      // No other thread could compute the key; only a plain insert can have come between.
      if (code === L.PRESENT) result = this.#result()
      else if (code < 0) result = output(code)
    }
    yield ['endClaim', claim]
    return result
  }

  /** A read, and a second one that validates what the read cache keeps of the first. */
  *#cachedGet(key: string): Operation {
    const code = yield this.#lookUp('get', key)
    if (code !== L.PRESENT) return output(code)
    const t = this.#token()
    const first = this.#result()
    this.#thread.kept = { ...t, value: first }
    // The output is that of the second read: it too lies between call and return.
    if (this.#inline()) {
      const value = yield ['readNumber', t.entry, t.generation, t.shard, t.version]
      if (!Number.isNaN(value)) return value
    } else {
      const known = yield ['isCurrent', t.entry, t.generation, t.shard, t.version, t.low, t.high]
      if (known === L.PRESENT) return first
    }
    const later = yield this.#lookUp('get', key)
    return later === L.PRESENT ? this.#result() : output(later)
  }

  /** A read of the key of the thread's last `cachedGet`, with what the read cache kept of that: changes between the two have to show. */
  *#keptGet(key: string): Operation {
    const { kept } = this.#thread
    if (kept !== undefined) {
      const { entry, generation, shard, version, low, high, value } = kept
      const known = yield ['isCurrent', entry, generation, shard, version, low, high]
      if (known === L.PRESENT) return value
    }
    const code = yield this.#lookUp('get', key)
    return code === L.PRESENT ? this.#result() : output(code)
  }

  *#clear(): Operation {
    const code = yield ['clearAll']
    return code < 0 ? output(code) : undefined
  }

  *#size(): Operation {
    const size = yield ['size']
    return size < 0 ? output(size) : size
  }

  *#recover(owner: number): Operation {
    const code = yield ['recoverThread', owner]
    return code < 0 ? output(code) : undefined
  }

  /** A value, or who loads: this thread ('mine') or another one ('other'). A second time, the thread has waited for the other's load. */
  *#beginLoad(key: string, force: number): Operation {
    const thread = this.#thread
    const code = yield ['beginLoad', this.#key(key), thread.waitsFor, force, LONG]
    if (code === L.PRESENT) return this.#result()
    const token = thread.scratch.u32[(thread.scratch.resultWord + L.R_TOKEN) >>> 2]
    if (code === L.LOAD_MINE) {
      thread.loads = token
      return 'mine'
    }
    if (code !== L.LOAD_OTHER) return output(code) ?? `beginLoad gave ${code}`
    thread.waitsFor = token
    return 'other'
  }

  /** Ends the load that the thread has begun, with a value or without one. 'refused': the load had been dropped. 'none': it has begun none. */
  *#endLoad({ op, key, value }: Step): Operation {
    const { loads } = this.#thread
    if (loads === 0) {
      yield ['size']
      return 'none'
    }
    const code =
      op === 'endLoad'
        ? yield ['endLoad', this.#key(key!), loads, this.#value(VALUE, value!), this.#world.ttl, 1, 0]
        : yield [
            'endLoadWithout',
            this.#key(key!),
            loads,
            op === 'endEmpty' ? L.LOAD_ENDS : L.LOAD_IS_RELEASED,
            0,
            0,
            0,
          ]
    return code === L.PRESENT ? 'done' : code === L.DIFFERENT ? 'refused' : (output(code) ?? `it ended with ${code}`)
  }

  *#iterate(): Operation {
    const { scratch } = this.#thread
    const seen: [string, number][] = []
    let position = 0
    let done = false
    while (!done) {
      const code = yield ['scan', 0, position]
      if (code < 0) return output(code)
      const words = scratch.u32
      const head = scratch.resultWord >>> 2
      const count = words[head + (L.R_META >>> 2)]
      position = words[head + (L.R_ENTRY >>> 2)]
      done = words[head + (L.R_GENERATION >>> 2)] !== 0
      const shard = words[head + (L.R_SHARD >>> 2)] | 0
      const version = words[head + (L.R_VERSION >>> 2)] | 0
      const batch: { key: string; entry: number; generation: number }[] = []
      let at = scratch.resultBytes
      for (let i = 0; i < count; i++) {
        const word = at >>> 2
        const meta = words[word + 2]
        batch.push({
          key: string.read(scratch, at + 16, meta),
          entry: words[word] | 0,
          generation: words[word + 1] | 0,
        })
        at += 16 + (((meta & L.META_LENGTH) + 7) & ~7)
      }
      for (const { key, entry, generation } of batch) {
        let found = yield ['readKnown', entry, generation, shard, version]
        if (found !== L.PRESENT) found = yield this.#lookUp('get', key)
        if (found < 0) return output(found)
        if (found === L.PRESENT) seen.push([key, this.#result()])
      }
    }
    return seen
  }

  #lookUp(name: keyof typeof textCalls, key: string): KernelCall {
    return this.#passesText(key) ? [textCalls[name], key] : [name, this.#key(key)]
  }

  #changing(op: number, key: string, valueMeta: number, expectedMeta: number, ttl = this.#world.ttl): KernelCall {
    if (this.#isCache()) {
      return this.#passesText(key)
        ? ['changeCacheText', op, key, valueMeta, expectedMeta, ttl, 1]
        : ['changeCache', op, this.#key(key), valueMeta, expectedMeta, ttl, 1]
    }
    return this.#passesText(key)
      ? ['changeText', op, key, valueMeta, expectedMeta]
      : ['change', op, this.#key(key), valueMeta, expectedMeta]
  }

  /** Keys reach the kernel in two ways. Every other thread takes the one in which the kernel reads the string, so both meet in all scenarios. */
  #passesText(key: string): boolean {
    return this.#thread.index % 2 === 1 && key.length <= L.MAX_TEXT
  }

  #key(key: string): number {
    return string.write(this.#thread.scratch, KEY, key)
  }

  #value(area: typeof VALUE | typeof EXPECTED, value: number): number {
    const { codec, make } = this.#world.form
    return codec.write(this.#thread.scratch, area, make(value) as never)
  }

  #isCache(): boolean {
    return this.#world.words[L.H_POLICY >>> 2] === L.POLICY_CACHE
  }

  /** Whether `get` takes the call that returns a number: of a cache's threads every other one does. */
  #readsNumbers(): boolean {
    const isNumber = this.#world.form.codec.type !== L.TYPE_BYTES
    return this.#inline() || (isNumber && this.#isCache() && this.#thread.index % 2 === 0)
  }

  /** Whether values stand in the entries. */
  #inline(): boolean {
    const policy = this.#world.words[L.H_POLICY >>> 2]
    return this.#world.form.codec.type !== L.TYPE_BYTES && policy !== L.POLICY_SYNC && policy !== L.POLICY_CACHE
  }

  #result(): number {
    const { scratch } = this.#thread
    const { codec, read } = this.#world.form
    if (this.#inline()) return read(codec.read(scratch, scratch.resultWord, 0))
    const meta = scratch.u32[(scratch.resultWord + L.R_META) >>> 2]
    const length = meta & L.META_LENGTH
    return read(codec.read(scratch.result(length), length <= L.WHOLE_VALUE ? scratch.resultBytes : 0, meta))
  }

  #token() {
    const { u32, resultWord } = this.#thread.scratch
    const at = resultWord >>> 2
    return {
      entry: u32[at + (L.R_ENTRY >>> 2)] | 0,
      generation: u32[at + (L.R_GENERATION >>> 2)] | 0,
      shard: u32[at + (L.R_SHARD >>> 2)] | 0,
      version: u32[at + (L.R_VERSION >>> 2)] | 0,
      low: u32[at] | 0,
      high: u32[at + 1] | 0,
    }
  }
}

/** ABSENT as an output, or an error's name. */
function output(code: number): Output {
  if (code >= 0) return undefined
  const name = errors[code]
  if (name === undefined) throw new KernelFailure(`the kernel returned ${code}`)
  return name
}
