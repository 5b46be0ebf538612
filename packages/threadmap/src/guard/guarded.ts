import { Changes } from './changes.js'
import { isForeign, lastRead, lastSize, lastWalk } from './concurrency.js'
import { currentStep, currentTurn, enter, overflows, READ, SIZE, Step, type Turn, WALK, WRITE } from './context.js'
import { GuardedIterator, type IterationHost } from './iteration.js'
import { type FaultKind, GuardError, GuardReport, Stacks } from './report.js'

/** The options of `guard`. */
export interface GuardOptions {
  /** The name of the map in reports. Default: the name of its class. */
  name?: string
  /** The function that gets every report. Default: `console.warn`, once for each pair of places in the program. */
  onReport?: (report: GuardReport) => void
  /** Whether to throw `GuardError` in place of the write that would do the harm. Default false. */
  throw?: boolean
  /**
   * Whether to report two more patterns, which are often intended: a `delete` of a value that another context changed since this one read
   * it, and an insertion after this context read `size` and another one changed it. Default false.
   */
  strict?: boolean
  /** How many stacks may be taken per second; each costs microseconds. With 0, reports name only the last of three places. Default 1000. */
  stacks?: number
  /** How many frames a stack has. Default 8. */
  frames?: number
}

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<string | symbol, Method | undefined>

const RE_READ =
  'Fix: read again after the wait and write in the same go: map.set(key, change(map.get(key))); or hold a mutex from the read to the write. One step for it: update(key, change) of every threadmap map; for a value to be computed once, map.getOrInsertComputed(key, load) with the promise as value.'
const COMPUTE_ONCE =
  'Fix: let the first one insert at once what the others are to find: the promise, by map.getOrInsertComputed(key, load); or look again after the wait; or hold a mutex from the look to the write.'
const TAKE_FIRST =
  'Fix: take the entries out before the wait, in the same go as they are read: const batch = [...map]; map.clear().'
const COPY =
  'Fix: iterate over a copy: for (const entry of [...map]); or hold a mutex for the whole loop and in those who write.'
const DELETE_SAME =
  'Fix: look again before the delete, in the same go: if (map.get(key) === seen) map.delete(key); or hold a mutex from the read to the delete.'
const COUNT_FIRST =
  'Fix: insert in the same go as the size is checked (a placeholder, if the value takes time); or hold a mutex from the check to the insertion.'

/** How many pairs of places the default of `onReport` remembers. */
const PLACES = 1000

/** The guard of one map: runs the map's own methods, and watches which context does what in which order. */
export class Guarded implements IterationHost {
  readonly watching = new Set<GuardedIterator<unknown>>()
  /** The methods that the map has in place of its own. */
  readonly methods: Methods = {}
  readonly #map: object
  readonly #base: Methods = {}
  readonly #name: string
  readonly #strict: boolean
  readonly #throw: boolean
  readonly #onReport: ((report: GuardReport) => void) | undefined
  readonly #stacks: Stacks
  readonly #changes = new Changes()
  /** Reads by the guard itself, with the methods of the built-in class, whatever a subclass overrides. */
  readonly #peek: (key: unknown) => unknown
  readonly #peekHas: (key: unknown) => boolean
  /** Whether a method of a subclass is running: the methods that it calls on the map are part of it. */
  #inside = false
  readonly #subclass: boolean
  /** Set by `sizeOf`. */
  #sizeGetter: (() => number) | undefined
  #size = (): number => 0

  constructor(map: object, options: GuardOptions) {
    this.#map = map
    this.#name = options.name ?? map.constructor.name
    this.#strict = options.strict ?? false
    this.#throw = options.throw ?? false
    this.#onReport = options.onReport ?? (this.#throw ? undefined : once())
    this.#stacks = new Stacks(options.stacks ?? 1000, options.frames ?? 8)
    this.#subclass = Object.getPrototypeOf(map) !== Map.prototype
    if (map instanceof Map) {
      const { get, has } = Map.prototype
      this.#peek = key => get.call(map, key)
      this.#peekHas = key => has.call(map, key)
    } else {
      const { get, has } = map as { get: Method; has: Method }
      this.#peek = key => get.call(map, key)
      this.#peekHas = key => has.call(map, key) as boolean
    }
    this.#cover()
  }

  /** A getter for the property `size` of a strict guard. */
  sizeOf(): () => number {
    const map = this.#map
    let holder: object | null = map
    let base: (() => unknown) | undefined
    while (holder !== null && base === undefined) {
      base = Object.getOwnPropertyDescriptor(holder, 'size')?.get
      holder = Object.getPrototypeOf(holder)
    }
    const getter = (): number => {
      const size = this.#call(base as Method) as number
      const turn = currentTurn()
      const last = currentStep()
      if (!this.#inside && !overflows(last, turn)) this.#leave(last, turn, SIZE, 'size', undefined, size)
      return size
    }
    this.#sizeGetter = getter
    this.#size = () => base?.call(map) as number
    return getter
  }

  trace(operation: string): Step['trace'] {
    return this.#stacks.take(operation === 'entries' ? GuardedIterator.prototype.next : this.methods[operation])
  }

  resumed(walk: Step, changes: readonly Step[], last: Step | undefined, now: Turn): void {
    const change = changes.find(step => isForeign(walk, step, last, now))
    if (change === undefined) return
    const what = `\`${this.#name}\` was iterated across a wait, in which another context ${change.inserted ? `inserted ${quote(change.key)}` : change.operation === 'clear' ? 'cleared it' : `removed ${quote(change.key)}`}: the loop sees neither the map as it was nor as it is.`
    this.#report('iteration', change.key, what, COPY, walk, change, walk.operation, GuardedIterator.prototype.next)
  }

  /** Makes a method in place of each method that the map has. */
  #cover(): void {
    const read = (name: 'get' | 'has') =>
      this.#replace(name, base => key => {
        const seen = this.#call(base, key)
        if (!this.#inside) this.#read(name, key, seen)
        return seen
      })
    read('get')
    read('has')
    this.#replace(
      'set',
      base => (key, value) => (this.#inside ? base.call(this.#map, key, value) : this.#set(base, key, value)),
    )
    this.#replace('delete', base => key => (this.#inside ? base.call(this.#map, key) : this.#delete(base, key)))
    this.#replace('clear', base => () => (this.#inside ? base.call(this.#map) : this.#clear(base)))
    for (const name of ['entries', 'keys', 'values', Symbol.iterator] as const) {
      this.#replace(name, base => () => {
        const inner = base.call(this.#map) as Iterator<unknown>
        return this.#inside ? inner : new GuardedIterator(inner, this, name)
      })
    }
    this.#replace('forEach', base => (...args) => {
      if (this.#inside) return base.apply(this.#map, args)
      const walk = this.#leave(currentStep(), currentTurn(), WALK, 'forEach', undefined, undefined)
      const result = base.apply(this.#map, args)
      walk.whole = true
      return result
    })
    // Each of these methods is one atomic step: it cannot lose an update or cause one, and counts as a change for other contexts.
    for (const name of [
      'getOrInsert',
      'getOrInsertComputed',
      'swap',
      'compareAndSwap',
      'compareAndDelete',
      'getAndDelete',
      'update',
      'add',
    ]) {
      this.#replace(
        name,
        base =>
          (key, ...args) =>
            this.#inside ? base.call(this.#map, key, ...args) : this.#atomic(name, base, key, args),
      )
    }
  }

  #replace(name: string | symbol, by: (base: Method) => Method): void {
    const base = (this.#map as Methods)[name]
    if (typeof base !== 'function') return
    this.#base[name] = base
    this.methods[name] = by(base)
  }

  #call(base: Method, ...args: unknown[]): unknown {
    if (!this.#subclass || this.#inside) return base.apply(this.#map, args)
    this.#inside = true
    try {
      return base.apply(this.#map, args)
    } finally {
      this.#inside = false
    }
  }

  #leave(last: Step | undefined, turn: Turn, kind: Step['kind'], operation: string, key: unknown, seen: unknown): Step {
    const below = operation === 'size' ? this.#sizeGetter : this.methods[operation]
    return enter(new Step(last, turn, kind, this, operation, key, seen, this.#stacks.take(below)))
  }

  #read(operation: string, key: unknown, seen: unknown): void {
    const turn = currentTurn()
    const last = currentStep()
    if (!overflows(last, turn)) this.#leave(last, turn, READ, operation, key, seen)
  }

  /** Leaves the step of a write, and tells the iterations under way. */
  #written(last: Step | undefined, turn: Turn, operation: string, key: unknown, had: boolean, has: boolean): void {
    const step = this.#leave(last, turn, WRITE, operation, key, undefined)
    step.inserted = !had && has
    this.#changes.add(step)
    if (had !== has || operation === 'clear') for (const iterator of this.watching) iterator.note(step)
  }

  #set(base: Method, key: unknown, value: unknown): unknown {
    const before = this.#peek(key)
    const had = before !== undefined || this.#peekHas(key)
    const turn = currentTurn()
    const last = currentStep()
    const changes = !had || !Object.is(before, value)
    this.#checkSet(last, turn, key, before, had, changes ? undefined : value)
    const result = this.#call(base, key, value)
    if (changes) this.#written(last, turn, 'set', key, had, true)
    // Nothing changed. But this context knows the state of the map now, so its earlier reads no longer count.
    else this.#leave(last, turn, WRITE, 'set', key, undefined)
    return result
  }

  #delete(base: Method, key: unknown): unknown {
    const before = this.#peek(key)
    const had = before !== undefined || this.#peekHas(key)
    const turn = currentTurn()
    const last = currentStep()
    if (had) this.#checkDelete(last, turn, key, before)
    const result = this.#call(base, key)
    if (had) this.#written(last, turn, 'delete', key, true, false)
    else this.#leave(last, turn, WRITE, 'delete', key, undefined)
    return result
  }

  #clear(base: Method): unknown {
    const turn = currentTurn()
    const last = currentStep()
    this.#checkClear(last, turn)
    const result = this.#call(base)
    this.#written(last, turn, 'clear', undefined, true, false)
    return result
  }

  #atomic(operation: string, base: Method, key: unknown, args: unknown[]): unknown {
    const had = this.#peekHas(key)
    // #call would not do: these methods run functions of the program.
    const result = base.call(this.#map, key, ...args)
    const turn = currentTurn()
    const last = currentStep()
    const has = this.#peekHas(key)
    if (had && operation.startsWith('getOrInsert')) this.#read(operation, key, result)
    else if (result === false && operation.startsWith('compareAnd')) this.#read('has', key, has)
    else if (had || has) this.#written(last, turn, operation, key, had, has)
    return result
  }

  /** `same`: the value, if the write stores the value that is there already. */
  #checkSet(last: Step | undefined, turn: Turn, key: unknown, before: unknown, had: boolean, same: unknown): void {
    if (this.#strict && !had) this.#checkSize(last, turn, key)
    const change = this.#changes.of(key)
    if (change === undefined) return
    const read = lastRead(last, this, key)
    if (read === undefined || read.turn.run === turn.run || read.seq > change.seq) return
    if (stillSo(read, change, key, before, had) || !isForeign(read, change, last, turn)) return
    // A write of the value that is there already overwrites nothing: both contexts computed it. Numbers are an exception, since they may
    // be counts: two contexts that both read 1 and write 2 have lost an increment.
    if (same !== undefined && (read.operation === 'has' || (typeof same !== 'number' && typeof same !== 'bigint')))
      return
    const absent = read.operation === 'has' && read.seen === false
    const what = `lost update of ${quote(key)} in \`${this.#name}\`: what another context ${change.operation === 'clear' || change.operation === 'delete' ? 'removed' : 'wrote'} is overwritten by a value that was computed from an older read.`
    this.#report('lost-update', key, what, absent ? COMPUTE_ONCE : RE_READ, read, change, 'set')
  }

  #checkDelete(last: Step | undefined, turn: Turn, key: unknown, before: unknown): void {
    const change = this.#changes.of(key)
    if (change === undefined) return
    const read = lastRead(last, this, key)
    if (read === undefined || read.turn.run === turn.run || read.seq > change.seq) return
    const isSweep = read.kind === WALK && read.operation === 'entries' && sameWalk(read, key)
    const isGet = this.#strict && read.operation === 'get' && read.seen !== undefined
    if ((!isSweep && !isGet) || stillSo(read, change, key, before, true) || !isForeign(read, change, last, turn)) return
    const what = `lost update of ${quote(key)} in \`${this.#name}\`: what another context wrote is deleted on account of an older value.`
    this.#report('lost-update', key, what, DELETE_SAME, read, change, 'delete')
  }

  #checkClear(last: Step | undefined, turn: Turn): void {
    const walk = lastWalk(last, this)
    if (walk === undefined || walk.turn.run === turn.run) return
    for (const change of this.#changes.after(walk.seq)) {
      if (!this.#peekHas(change.key) || !isForeign(walk, change, last, turn)) continue
      const what = `lost update of ${quote(change.key)} in \`${this.#name}\`: another context wrote it after the entries were read, and it is cleared with them.`
      this.#report('lost-update', change.key, what, TAKE_FIRST, walk, change, 'clear')
      return
    }
  }

  #checkSize(last: Step | undefined, turn: Turn, key: unknown): void {
    const change = this.#changes.structural
    if (change === undefined) return
    const read = lastSize(last, this)
    if (read === undefined || read.turn.run === turn.run || read.seq > change.seq) return
    if (read.seen === this.#size() || !isForeign(read, change, last, turn)) return
    const what = `${quote(key)} is inserted into \`${this.#name}\` after a look at its size, which another context changed meanwhile.`
    this.#report('lost-update', key, what, COUNT_FIRST, read, change, 'set')
  }

  #report(
    kind: FaultKind,
    key: unknown,
    what: string,
    fix: string,
    read: Step,
    change: Step,
    act: string,
    below: unknown = this.methods[act],
  ): void {
    const report = new GuardReport(kind, this.#name, key, what, fix, read, change, act, this.#stacks.always(below))
    this.#onReport?.(report)
    if (this.#throw) throw new GuardError(report)
  }
}

/** A walk that ended at `key`, or is at it now; not a walk that has passed it. */
function sameWalk(walk: Step, key: unknown): boolean {
  return !walk.whole && (walk.key === key || (Number.isNaN(walk.key) && Number.isNaN(key)))
}

/** Whether the value that `read` saw is still there: then the write is as good as one right after the read. True in doubt. */
function stillSo(read: Step, change: Step, key: unknown, before: unknown, had: boolean): boolean {
  if (read.operation === 'has') return read.seen === had
  if (read.kind === READ) return Object.is(read.seen, before)
  if (read.operation === 'keys') return true
  if (read.operation === 'entries' && sameWalk(read, key)) return Object.is(read.seen, before)
  // A walk saw this key among others, unless the key was inserted later. A key that changed twice may have its old value again.
  return change.inserted || change.priorSeq > read.seq
}

/** The default of `onReport`. */
function once(): (report: GuardReport) => void {
  const known = new Set<string>()
  return report => {
    const { places } = report
    if (known.has(places) || known.size >= PLACES) return
    known.add(places)
    console.warn(report.message)
  }
}

/** A key as messages quote it, cut if it is long. */
function quote(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key.length > 80 ? `${key.slice(0, 77)}...` : key)
  if (typeof key === 'object' || typeof key === 'function')
    return key === null ? 'null' : `an object (${key.constructor?.name ?? 'without a class'})`
  return String(key)
}
