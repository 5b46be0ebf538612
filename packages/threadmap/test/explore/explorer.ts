/**
 * Runs a scenario's logical threads through their interleavings, one schedule after the other, on the compiled kernel.
 *
 * A thread can be taken away before each access to a word that another thread touches too, one of them writing (which words
 * these are is found by running; when a new one turns up the search starts again). Elsewhere it makes no difference. Where a
 * thread ends an operation or falls asleep, any other may go on; elsewhere that is a preemption, and a search has a
 * budget of those. The search is depth-first and stateless: each schedule starts from the picture of the memory.
 *
 * Interleavings that differ only in the order of independent accesses are explored once. Each access gets a hash of what
 * happened before it (its thread's accesses, the conflicting ones of the others); the last hashes of all threads name the partial
 * order so far, and so the state. A state that was reached before with as many preemptions left is not gone on from.
 *
 * Sources: CHESS (Musuvathi, Qadeer: preemption bounding, happens-before caching), PCT (Burckhardt et al.: random priorities
 * with few changes), Godefroid (persistent sets).
 */
import { Random } from '../support/random.js'
import { describeAddress } from './addresses.js'
import { type Entry, isRefused, judgeIteration, linearizable, picture, removes } from './history.js'
import { type Output, perform, type Step } from './operations.js'
import {
  Death,
  L,
  type LogicalThread,
  type Operation,
  PREEMPTED,
  READS,
  RUNNING,
  type Scheduler,
  SLEEPING,
  TIMED_OUT,
  UPDATES,
  WOKEN,
} from './thread.js'
import { Visited } from './visited.js'
import { type FormName, type MapName, World } from './world.js'

export interface Scenario {
  name: string
  map: MapName
  form: FormName
  capacity?: number
  /** Keys and values that the map has at first. */
  fill: readonly (readonly [string, number])[]
  /** Done to the map after that, by one thread: makes room for reuse, promotes, and so on. */
  before?: readonly Step[]
  /** What each thread does. */
  threads: readonly (readonly Step[])[]
  /** A thread that died before its `at`th access in this step. Recover it as owner 'victim'. */
  victim?: { step: Step; at: number }
  /** This thread dies before its `at`th access, or falling asleep. Steps `recover` of the others begin when it has died. */
  mortal?: { thread: number; at: number }
  /** Waiters of locks are handed them after so many microseconds (by default later than any schedule lasts). */
  handover?: number
  /** The locks' time-out in milliseconds. 0: operations that find a lock taken may give up. */
  timeout?: number
  /** No page is free. */
  full?: boolean
  /** Preemptions and schedules at most, where a schedule is long. */
  bound?: number
  most?: number
}

/** Where a scenario stands in the report. */
export interface Named extends Scenario {
  situation: string
}

export interface Failure {
  scenario: string
  problem: string
  /** Which thread went on, at each point where there was a choice. */
  path: readonly number[]
  preemptions: number
  history: string
  trace: string
}

export interface Explored {
  /** Schedules that ran to their end and were checked. */
  complete: number
  /** Schedules that came to a state from which all had been explored. */
  merged: number
  /** The whole space was explored, up to the bound. */
  exhausted: boolean
  failure: Failure | undefined
}

class Merged extends Error {}
const MERGED = new Merged()

const SLICE_MS = 10
/** Accesses in one schedule, above which nothing moves any more. */
const MOST_ACCESSES = 400_000
/** Points that a thread may pass on end while others can run: more is waiting without sleeping. */
const MOST_ON_END = 20_000
const MOST_CONFLICTS = 4096
const MOST_TRACED = 300

export class Explorer implements Scheduler {
  readonly world: World
  readonly scenario: Scenario
  readonly #initial = new Map<string, number>()
  readonly #count: number
  // Which threads read and wrote each word of 8 bytes, and the numbers of those that conflict.
  readonly #readers: Uint8Array
  readonly #writers: Uint8Array
  readonly #conflicts: Uint16Array
  #conflictCount = 1
  #foundConflict = false
  // Hashes of what happened, in two halves: each thread's last access, each word's last write and its reads since.
  readonly #lastA: Int32Array
  readonly #lastB: Int32Array
  readonly #writeA = new Int32Array(MOST_CONFLICTS)
  readonly #writeB = new Int32Array(MOST_CONFLICTS)
  readonly #readA = new Int32Array(MOST_CONFLICTS)
  readonly #readB = new Int32Array(MOST_CONFLICTS)
  #historyHash = 0
  readonly #visited = new Visited()
  // The search: what was chosen at each depth, and what is left to choose there.
  #path: number[] = []
  #rest: number[] = []
  #bound = 0
  #random: { source: Random; priorities: number[]; changes: number[] } | undefined
  // The schedule that runs now.
  #depth = 0
  #preemptions = 0
  #next = -1
  #onEnd = 0
  #accesses = 0
  /** False while the world is made. */
  #running = false
  #clock = 0
  #time = 0
  #timeouts = 0
  #history: Entry[] = []
  #trace: { thread: number; what: string }[] | undefined
  readonly #steps: number[]
  readonly #operations: (Operation | undefined)[]
  readonly #entries: (Entry | undefined)[]
  readonly #calls: (IteratorResult<readonly [string, ...number[]], unknown> | undefined)[]
  /** The victim dies before this many accesses. */
  #killAt = -1
  readonly #outcomes = new Map<string, string | undefined>()

  constructor(scenario: Scenario) {
    this.scenario = scenario
    const world = new World(scenario.map, scenario.form, scenario.capacity ?? 1, (map, make) => {
      for (const [key, value] of scenario.fill) map.set(key, make(value))
      for (const step of scenario.before ?? []) doDirectly(map, make, step)
    })
    this.world = world
    for (const [key] of [...scenario.fill, ...keysOf(scenario)]) {
      const value = world.map.get(key)
      if (value !== undefined) this.#initial.set(key, world.form.read(value))
    }
    if (scenario.handover !== undefined) world.words[L.H_HANDOVER >>> 2] = scenario.handover
    if (scenario.timeout !== undefined) world.words[L.H_LOCK_TIMEOUT >>> 2] = scenario.timeout
    this.#count = scenario.threads.length
    this.#readers = new Uint8Array(world.size / 8)
    this.#writers = new Uint8Array(world.size / 8)
    this.#conflicts = new Uint16Array(world.size / 8)
    this.#lastA = new Int32Array(this.#count)
    this.#lastB = new Int32Array(this.#count)
    this.#steps = new Array(this.#count).fill(0)
    this.#operations = new Array(this.#count).fill(undefined)
    this.#entries = new Array(this.#count).fill(undefined)
    this.#calls = new Array(this.#count).fill(undefined)
    for (let i = 0; i < this.#count; i++) world.addThread(this)
    if (scenario.victim !== undefined) this.#kill(scenario.victim)
    if (scenario.full === true) world.fillUp()
    if (scenario.mortal !== undefined) this.victim = world.threads[scenario.mortal.thread].owner
    world.freeze(this.victim !== 0)
    this.#running = true
  }

  /** The victim's slot plus one: what `recover` names. */
  victim = 0
  /** Whether the victim died before its step was over. */
  victimDied = false
  readonly #victimEntry: Entry[] = []
  /** Of the mortal thread: its accesses in this schedule, whether it has died, and in how many schedules it has. */
  #mortalAccesses = 0
  #mortalDied = false
  deaths = 0

  #kill(victim: { step: Step; at: number }): void {
    const thread = this.world.addThread(this)
    this.victim = thread.owner
    this.#killAt = victim.at
    const operation = perform(this.world, thread, victim.step)
    const entry = newEntry(-1, victim.step, -2)
    try {
      let next = operation.next()
      while (!next.done) next = operation.next(thread.run(next.value)!)
      entry.output = next.value as Output
      entry.return = -1
    } catch (error) {
      if (!(error instanceof Death)) throw error
      this.victimDied = true
    }
    this.#killAt = -1
    this.#victimEntry.push(entry)
  }

  // --- What the kernel calls out for ----------------------------------------------------------------------------------

  access(thread: LogicalThread, address: number, kind: number): boolean {
    if (++this.#accesses > MOST_ACCESSES) throw new Error('nothing moves any more: a thread goes round and round')
    if (this.#killAt >= 0) {
      if (this.#accesses > this.#killAt) throw new Death()
      return true
    }
    if (!this.#running || thread.index >= this.#count) return true
    this.#mayDie(thread)
    const word = address >>> 3
    if (!this.#isConflict(word, 1 << thread.index, kind)) return true
    thread.word = word
    thread.kind = kind
    if (this.#point(thread)) {
      this.#event(thread, address)
      return true
    }
    thread.state = PREEMPTED
    return false
  }

  #mayDie(thread: LogicalThread): void {
    const { mortal } = this.scenario
    if (mortal?.thread === thread.index && this.#mortalAccesses++ >= mortal.at) throw new Death()
  }

  resumed(thread: LogicalThread): void {
    thread.state = RUNNING
    this.#event(thread, thread.word << 3)
  }

  wait(thread: LogicalThread, address: number, expected: number): number {
    if (this.#killAt >= 0) throw new Death()
    if (thread.state === WOKEN || thread.state === TIMED_OUT) {
      const answer = thread.state === WOKEN ? 0 : 2
      thread.state = RUNNING
      return answer
    }
    if (thread.state === RUNNING) this.#mayDie(thread)
    thread.word = address >>> 3
    thread.kind = UPDATES
    this.#isConflict(thread.word, 1 << thread.index, UPDATES)
    if (thread.state === RUNNING && !this.#point(thread)) {
      thread.state = PREEMPTED
      return -1
    }
    thread.state = RUNNING
    this.#event(thread, address, 'wait')
    if (this.world.words[address >>> 2] !== expected) return 1
    thread.state = SLEEPING
    thread.sleepsOn = address
    this.#next = -1
    return -1
  }

  notify(thread: LogicalThread, address: number, count: number): number {
    if (!this.#running || thread.index >= this.#count) return 0
    thread.word = address >>> 3
    thread.kind = UPDATES
    this.#isConflict(thread.word, 1 << thread.index, UPDATES)
    if (thread.state === RUNNING && !this.#point(thread)) {
      thread.state = PREEMPTED
      return -1
    }
    thread.state = RUNNING
    this.#event(thread, address, 'notify')
    let woken = 0
    for (const other of this.world.threads) {
      if (other.state !== SLEEPING || other.sleepsOn !== address || woken >= count >>> 0) continue
      other.state = WOKEN
      woken++
    }
    return woken
  }

  grow(pages: number): number {
    return this.world.grow(pages)
  }

  now(): number {
    return this.#time
  }

  // --- Points ---------------------------------------------------------------------------------------------------------

  #isConflict(word: number, bit: number, kind: number): boolean {
    if (kind === READS) this.#readers[word] |= bit
    else this.#writers[word] |= bit
    if (this.#conflicts[word] !== 0) return true
    if ((this.#writers[word] & ~bit) === 0 && (kind === READS || (this.#readers[word] & ~bit) === 0)) return false
    if (this.#conflictCount === MOST_CONFLICTS) throw new Error('more conflicting words than there is room for')
    this.#conflicts[word] = this.#conflictCount++
    this.#foundConflict = true
    return true
  }

  /** Whether the running thread goes on; if not, `#next` says who does. */
  #point(thread: LogicalThread): boolean {
    if (++this.#onEnd > MOST_ON_END) throw new Error('a thread waits for another without sleeping')
    const next = this.#choose(thread.index, thread.index)
    if (next === thread.index) return true
    this.#next = next
    return false
  }

  /** Threads that can run, as a mask. */
  #enabled(): number {
    let mask = 0
    for (let i = 0; i < this.#count; i++) {
      const step = this.scenario.threads[i][this.#steps[i]]
      if (step === undefined || this.world.threads[i].state === SLEEPING) continue
      if (step.op !== 'recover' || this.#mortalDied || this.scenario.mortal === undefined) mask |= 1 << i
    }
    return mask
  }

  /** Who runs next. `current` runs now and need not stop (-1: it must, or it may for nothing). */
  #choose(current: number, last: number): number {
    if (this.#random !== undefined && this.#depth >= this.#path.length) {
      this.#path.push(this.#chooseByPriority(last))
      this.#rest.push(0)
    } else if (this.#depth >= this.#path.length) {
      const left = this.#bound - this.#preemptions
      if (this.#visitedBefore(current, left)) throw MERGED
      const mask = current < 0 || left > 0 ? this.#enabled() : 1 << current
      const first = current >= 0 ? current : 31 - Math.clz32(mask & -mask)
      this.#path.push(first)
      this.#rest.push(mask & ~(1 << first))
    }
    const choice = this.#path[this.#depth++]
    if (current >= 0 && choice !== current) this.#preemptions++
    if (choice !== last) this.#onEnd = 0
    return choice
  }

  #chooseByPriority(last: number): number {
    const { priorities, changes } = this.#random!
    if (changes.includes(this.#depth) && last >= 0) priorities[last] = Math.min(...priorities) - 1
    const enabled = this.#enabled()
    let best = -1
    for (let i = 0; i < this.#count; i++) {
      if ((enabled & (1 << i)) !== 0 && (best < 0 || priorities[i] > priorities[best])) best = i
    }
    return best
  }

  #visitedBefore(current: number, left: number): boolean {
    let a = Math.imul(this.#historyHash ^ (current + 1), 0x9e3779b1)
    let b = this.#historyHash + current
    for (let i = 0; i < this.#count; i++) {
      a = Math.imul(a ^ this.#lastA[i], 0x85ebca6b)
      a ^= a >>> 15
      b = Math.imul(b + this.#lastB[i], 0xc2b2ae35)
      b ^= b >>> 13
    }
    return this.#visited.seen(a, b, left)
  }

  /** The access happens now: it follows its thread's last one, and those to the word that it conflicts with. */
  #event(thread: LogicalThread, address: number, what?: string): void {
    const i = thread.index
    const at = this.#conflicts[thread.word]
    let a = Math.imul(this.#lastA[i] ^ at, 0x85ebca6b) ^ this.#writeA[at]
    let b = Math.imul(this.#lastB[i] + at, 0xc2b2ae35) ^ this.#writeB[at]
    if (thread.kind === READS) {
      a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d)
      b = Math.imul(b ^ (b >>> 13), 0x297a2d39)
      this.#readA[at] += a
      this.#readB[at] += b
    } else {
      a = Math.imul(a ^ (a >>> 15) ^ this.#readA[at], 0x27d4eb2f)
      b = Math.imul(b ^ (b >>> 13) ^ this.#readB[at], 0x165667b1)
      this.#readA[at] = 0
      this.#readB[at] = 0
      this.#writeA[at] = a
      this.#writeB[at] = b
    }
    this.#lastA[i] = a ^ (a >>> 16)
    this.#lastB[i] = b ^ (b >>> 16)
    this.#trace?.push({
      thread: i,
      what: `${what ?? ['loads', 'stores', 'updates'][thread.kind]} ${describeAddress(this.world, address)}`,
    })
  }

  // --- A schedule -----------------------------------------------------------------------------------------------------

  #run(): void {
    this.world.restore()
    this.#depth = 0
    this.#preemptions = 0
    this.#onEnd = 0
    this.#accesses = 0
    this.#clock = 0
    this.#time = 0
    this.#timeouts = 0
    this.#history = [...this.#victimEntry]
    this.#historyHash = 0
    this.#mortalAccesses = 0
    this.#mortalDied = false
    for (let i = 0; i < this.#count; i++) {
      this.#lastA[i] = Math.imul(i + 1, 0x9e3779b1)
      this.#lastB[i] = Math.imul(i + 77, 0x85ebca6b)
      this.#steps[i] = 0
      this.#operations[i] = undefined
    }
    this.#writeA.fill(0, 0, this.#conflictCount)
    this.#writeB.fill(0, 0, this.#conflictCount)
    this.#readA.fill(0, 0, this.#conflictCount)
    this.#readB.fill(0, 0, this.#conflictCount)
    let current = this.#choose(-1, -1)
    while (true) {
      this.#next = -1
      this.#advance(current)
      if (this.#next >= 0) {
        current = this.#next
        continue
      }
      if (this.#enabled() === 0 && !this.#timeOut()) return
      current = this.#choose(-1, current)
    }
  }

  /** All sleep: their slices end. False: nobody sleeps, so all is done. */
  #timeOut(): boolean {
    let any = false
    for (let i = 0; i < this.#count; i++) {
      const thread = this.world.threads[i]
      if (thread.state !== SLEEPING) continue
      thread.state = TIMED_OUT
      this.#lastA[i] = Math.imul(this.#lastA[i], 0x2c1b3c6d) + 1
      any = true
    }
    if (any) this.#timeouts++
    this.#time += SLICE_MS
    return any
  }

  /** Lets a thread run till it is suspended, sleeps or has ended an operation. */
  #advance(i: number): void {
    const thread = this.world.threads[i]
    let operation = this.#operations[i]
    if (operation === undefined) {
      const step = this.#stepOf(i)
      operation = this.#operations[i] = perform(this.world, thread, step)
      const entry = newEntry(i, step, ++this.#clock)
      this.#entries[i] = entry
      this.#history.push(entry)
      this.#historyHash = Math.imul(this.#historyHash ^ (i * 2 + 1), 0x9e3779b1) ^ 0x5bd1e995
      this.#calls[i] = operation.next()
    }
    let next = this.#calls[i]!
    while (!next.done) {
      let result: number | undefined
      try {
        result = thread.run(next.value as never)
      } catch (error) {
        if (!(error instanceof Death)) throw error
        this.#die(i)
        return
      }
      if (result === undefined) return
      next = this.#calls[i] = operation.next(result)
    }
    const entry = this.#entries[i]!
    entry.output = next.value as Output
    entry.return = ++this.#clock
    if (thread.computed) entry.computed = true
    this.#historyHash = Math.imul(this.#historyHash ^ (i * 2 + 2), 0x9e3779b1) ^ 0x5bd1e995
    this.#operations[i] = undefined
    this.#steps[i]++
  }

  #die(i: number): void {
    this.world.threads[i].reset()
    this.#mortalDied = true
    this.deaths++
    this.#steps[i] = this.scenario.threads[i].length
    this.#historyHash = Math.imul(this.#historyHash ^ 0x2545f491, 0x9e3779b1)
  }

  #stepOf(i: number): Step {
    const step = this.scenario.threads[i][this.#steps[i]]
    return step.op === 'recover' ? { ...step, owner: this.victim } : step
  }

  /** What is wrong after a schedule, or undefined. */
  #judge(): string | undefined {
    if (this.#timeouts > 0 && this.victim === 0)
      return 'all threads slept, and only a time-out woke them: a lost wake-up'
    // What the recovery had to leave, since somebody held it.
    if (this.scenario.victim !== undefined || this.#mortalDied) this.world.map.session.recover(this.victim)
    // A dead reader's share stands until a writer comes.
    const problems = this.world.audit(!this.#mortalDied).filter(problem => !this.#mayLeave(problem))
    if (problems.length > 0) return `the audit found: ${problems.join('; ')}`
    const { map, form } = this.world
    const finals: Entry[] = []
    for (const key of this.#keys) {
      const value = map.get(key)
      const entry = newEntry(this.#count, { op: 'get', key }, ++this.#clock)
      entry.output = value === undefined ? undefined : form.read(value)
      entry.return = ++this.#clock
      finals.push(entry)
    }
    const history = [...this.#history, ...finals]
    const id = JSON.stringify(history)
    if (!this.#outcomes.has(id)) this.#outcomes.set(id, this.#judgeHistory(history))
    return this.#outcomes.get(id)
  }

  readonly #keys = [] as string[]

  #judgeHistory(history: readonly Entry[]): string | undefined {
    for (const entry of history) {
      if (isRefused(entry.output)) {
        const others = history.filter(other => other !== entry && other.client !== entry.client)
        const overlaps = others.some(other => other.call < entry.return && other.return > entry.call)
        if (!overlaps) return `${entry.op} was refused, and nobody else was there`
      } else if (typeof entry.output === 'string' && !this.#mayFail(entry.output)) {
        return `${entry.op} failed with ${entry.output}`
      }
      // An iteration that failed in a way in which it may gave nothing to judge.
      if (entry.op === 'iterate' && typeof entry.output !== 'string') {
        const problem = judgeIteration(entry, history, this.#initial)
        if (problem !== undefined) return problem
      }
    }
    // Who computed and then did not get the lock has inserted nothing: the next one computes again, and rightly.
    const keys = history.filter(entry => entry.computed && entry.output !== 'E_TIMEOUT').map(entry => entry.key)
    if (new Set(keys).size < keys.length && !history.some(removes)) return 'a key was computed twice'
    return linearizable(history, this.#initial) ? undefined : 'the history is not linearizable'
  }

  /**
   * A thread of a SyncMap that swapped out another thread's value, and does not get the lock of that thread's heap in time, leaves the
   * block to the next sweep. Values are swapped without a lock, so by then the operation is done and cannot fail.
   */
  #mayLeave(problem: string): boolean {
    const { map, timeout } = this.scenario
    return map === 'SyncMap' && timeout === 0 && /^(a block is in use, but|a slab's count of live)/.test(problem)
  }

  #mayFail(output: string): boolean {
    const { full, timeout } = this.scenario
    return (output === 'E_FULL' && full === true) || (output === 'E_TIMEOUT' && timeout === 0)
  }

  // --- Searches -------------------------------------------------------------------------------------------------------

  /**
   * All schedules with at most `bound` preemptions, as far as `most` of them and `milliseconds` reach; stops at the first
   * failure.
   */
  search(bound: number, most = Number.POSITIVE_INFINITY, milliseconds = Number.POSITIVE_INFINITY): Explored {
    const until = performance.now() + milliseconds
    this.#prepare()
    const explored: Explored = { complete: 0, merged: 0, exhausted: false, failure: undefined }
    this.#bound = bound
    this.#restart()
    while (true) {
      explored.failure = this.#once(explored)
      if (explored.failure !== undefined) return explored
      if (this.#foundConflict) {
        this.#foundConflict = false
        this.#restart()
        continue
      }
      if (!this.#backtrack()) {
        explored.exhausted = true
        break
      }
      const done = explored.complete + explored.merged
      if (done >= most || ((done & 63) === 0 && performance.now() > until)) break
    }
    this.world.checkRestored()
    return explored
  }

  /** Random schedules by PCT: random priorities, lowered at `changes` random points. */
  random(seed: number, most: number, changes: number, milliseconds = Number.POSITIVE_INFINITY): Explored {
    const until = performance.now() + milliseconds
    this.#prepare()
    const explored: Explored = { complete: 0, merged: 0, exhausted: false, failure: undefined }
    const source = new Random('schedules', seed)
    let length = 64
    for (let i = 0; i < most && ((i & 63) !== 0 || performance.now() < until); i++) {
      this.#restart()
      this.#random = {
        source,
        priorities: Array.from({ length: this.#count }, () => source.next()),
        changes: Array.from({ length: changes }, () => source.below(length)),
      }
      explored.failure = this.#once(explored)
      this.#random = undefined
      if (explored.failure !== undefined) break
      length = Math.max(8, this.#depth)
    }
    return explored
  }

  #prepare(): void {
    if (this.#keys.length > 0) return
    const keys = new Set([...this.#initial.keys(), ...keysOf(this.scenario).map(([key]) => key)])
    this.#keys.push(...keys)
  }

  #restart(): void {
    this.#path = []
    this.#rest = []
    this.#visited.clear()
  }

  /** Runs the schedule of `#path` to its end, and says what is wrong with it. */
  #once(explored: Explored): Failure | undefined {
    let problem: string | undefined
    try {
      this.#run()
      explored.complete++
      problem = this.#judge()
    } catch (error) {
      if (error === MERGED) {
        explored.merged++
        return undefined
      }
      problem = (error as Error).stack ?? String(error)
    }
    return problem === undefined ? undefined : this.#explain(problem)
  }

  #backtrack(): boolean {
    while (this.#rest.length > 0) {
      const depth = this.#rest.length - 1
      const rest = this.#rest[depth]
      if (rest !== 0) {
        const bit = rest & -rest
        this.#path[depth] = 31 - Math.clz32(bit)
        this.#rest[depth] = rest & ~bit
        return true
      }
      this.#path.pop()
      this.#rest.pop()
    }
    return false
  }

  /** Runs the failing schedule again, and notes what each thread does. */
  #explain(problem: string): Failure {
    const path = this.#path.slice(0, this.#depth)
    const preemptions = this.#preemptions
    const history = picture(this.#history)
    this.#path = [...path]
    this.#rest = path.map(() => 0)
    this.#random = undefined
    this.#visited.clear()
    this.#trace = []
    try {
      this.#bound = 0
      this.#run()
    } catch {
      // It fails the same way.
    }
    const trace = this.#trace
    this.#trace = undefined
    return { scenario: this.scenario.name, problem, path, preemptions, history, trace: showTrace(trace) }
  }

  dispose(): void {
    this.world.dispose()
  }
}

function showTrace(trace: readonly { thread: number; what: string }[]): string {
  const lines: string[] = []
  let last = -1
  for (const { thread, what } of trace) {
    if (lines.length > MOST_TRACED) return `${lines.join('\n')}\n    (and so on)`
    if (thread !== last) lines.push(`  thread ${thread}:`)
    last = thread
    lines.push(`    ${what}`)
  }
  return lines.join('\n')
}

export function newEntry(client: number, step: Step, call: number): Entry {
  return {
    client,
    op: step.op,
    key: step.key,
    input: { value: step.value, expected: step.expected },
    output: undefined,
    call,
    return: Number.POSITIVE_INFINITY,
  }
}

function keysOf(scenario: Scenario): [string, number][] {
  const { threads, before, victim } = scenario
  const steps = [...threads.flat(), ...(before ?? []), ...(victim === undefined ? [] : [victim.step])]
  return steps.filter(({ key }) => key !== undefined).map(({ key }) => [key!, 0])
}

/** Does a step on this thread's map. */
export function doDirectly(map: World['map'], make: (n: number) => unknown, step: Step): void {
  if (step.op === 'set') map.set(step.key!, make(step.value!))
  else if (step.op === 'delete') map.delete(step.key!)
  else if (step.op === 'get') map.get(step.key!)
  else if (step.op === 'iterate') for (const _ of map.keys());
  else throw new Error(`a scenario can't begin with ${step.op}`)
}
