/**
 * Runs a scenario's logical threads on the compiled kernel, one schedule at a time: each runs until it is suspended, falls
 * asleep or ends an operation, and `Choices` says which thread is next. Every schedule starts from the same picture of the memory.
 */
import { describeAddress } from './addresses.js'
import type { Choices } from './choices.js'
import { type Entry, newEntry } from './history.js'
import { perform } from './operations.js'
import { Order } from './order.js'
import { doDirectly, keysOf, type Scenario } from './scenario.js'
import type { Output, Step } from './steps.js'
import {
  Death,
  type KernelCall,
  L,
  type LogicalThread,
  type Operation,
  PREEMPTED,
  RUNNING,
  type Scheduler,
  SLEEPING,
  TIMED_OUT,
  UPDATES,
  WOKEN,
} from './thread.js'
import { World } from './world.js'

/** The time that passes when all threads sleep. */
const SLICE_MS = 10
/** Accesses of one schedule. More of them mean that a thread loops for ever. */
const MOST_ACCESSES = 400_000
/** Points that a thread may pass in a row while others can run. More of them mean that it waits without sleeping. */
const MOST_ON_END = 20_000

/** An access, as a failure's explanation shows it. */
export interface Traced {
  thread: number
  what: string
}

export class Schedule implements Scheduler {
  readonly world: World
  readonly scenario: Scenario
  readonly order: Order
  /** What the map holds before the first schedule. */
  readonly initial = new Map<string, number>()
  /** The calls and returns of this schedule, and the time on the history's clock. */
  history: Entry[] = []
  clock = 0
  /** How often all threads slept until a time-out woke them. */
  timeouts = 0
  /** The accesses of the schedule are appended here, unless it is undefined. */
  trace: Traced[] | undefined
  readonly #choices: Choices
  readonly #count: number
  #next = -1
  #onEnd = 0
  #accesses = 0
  /** False while the world is made. */
  #running = false
  #time = 0
  readonly #steps: number[]
  readonly #operations: (Operation | undefined)[]
  readonly #entries: (Entry | undefined)[]
  readonly #calls: (IteratorResult<KernelCall, unknown> | undefined)[]
  /** The victim dies before this many accesses. */
  #killAt = -1
  /** The victim's slot plus one: what `recover` names. */
  victim = 0
  readonly #victimEntry: Entry[] = []
  /** Of the mortal thread: its accesses in this schedule, whether it has died, and in how many schedules it has. */
  #mortalAccesses = 0
  mortalDied = false
  deaths = 0

  constructor(scenario: Scenario, choices: Choices) {
    this.#choices = choices
    this.scenario = scenario
    const world = new World(
      scenario.map,
      scenario.form,
      scenario.capacity ?? 1,
      (map, make) => {
        for (const [key, value] of scenario.fill) map.set(key, make(value))
        for (const step of scenario.before ?? []) doDirectly(map, make, step)
      },
      scenario,
    )
    this.world = world
    for (const [key] of [...scenario.fill, ...keysOf(scenario)]) {
      const value = world.map.get(key)
      if (value !== undefined) this.initial.set(key, world.form.read(value))
    }
    world.time = scenario.now ?? 0
    // `has` changes nothing, not even the time of the value.
    for (const key of this.initial.keys()) if (!world.map.has(key)) this.initial.delete(key)
    if (scenario.handover !== undefined) world.words[L.H_HANDOVER >>> 2] = scenario.handover
    if (scenario.timeout !== undefined) world.words[L.H_LOCK_TIMEOUT >>> 2] = scenario.timeout
    this.#count = scenario.threads.length
    this.order = new Order(world.size, this.#count)
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
    if (!this.order.isConflict(word, 1 << thread.index, kind)) return true
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
    if (!this.#update(thread, address, 'wait')) return -1
    if (this.world.words[address >>> 2] !== expected) return 1
    thread.state = SLEEPING
    thread.sleepsOn = address
    this.#next = -1
    return -1
  }

  notify(thread: LogicalThread, address: number, count: number): number {
    if (!this.#running || thread.index >= this.#count) return 0
    if (!this.#update(thread, address, 'notify')) return -1
    let woken = 0
    for (const other of this.world.threads) {
      if (other.state !== SLEEPING || other.sleepsOn !== address || woken >= count >>> 0) continue
      other.state = WOKEN
      woken++
    }
    return woken
  }

  /** A point before an access that counts as an update of the word. False: another thread goes on first. */
  #update(thread: LogicalThread, address: number, what: string): boolean {
    thread.word = address >>> 3
    thread.kind = UPDATES
    this.order.isConflict(thread.word, 1 << thread.index, UPDATES)
    if (thread.state === RUNNING && !this.#point(thread)) {
      thread.state = PREEMPTED
      return false
    }
    thread.state = RUNNING
    this.#event(thread, address, what)
    return true
  }

  grow(pages: number): number {
    return this.world.grow(pages)
  }

  now(): number {
    return this.#time
  }

  cacheTime(): number {
    return this.world.time
  }

  // --- Points ---------------------------------------------------------------------------------------------------------

  /** Whether the running thread goes on; if not, `#next` is the thread that does. */
  #point(thread: LogicalThread): boolean {
    if (++this.#onEnd > MOST_ON_END) throw new Error('a thread waits for another without sleeping')
    const next = this.#choose(thread.index, thread.index)
    if (next === thread.index) return true
    this.#next = next
    return false
  }

  /** Threads that can run, as a mask. */
  enabled(): number {
    let mask = 0
    for (let i = 0; i < this.#count; i++) {
      const step = this.scenario.threads[i][this.#steps[i]]
      if (step === undefined || this.world.threads[i].state === SLEEPING) continue
      if (step.op !== 'recover' || this.mortalDied || this.scenario.mortal === undefined) mask |= 1 << i
    }
    return mask
  }

  #choose(current: number, last: number): number {
    const choice = this.#choices.next(current, last, this, this.order)
    if (choice !== last) this.#onEnd = 0
    return choice
  }

  /** The access happens now. */
  #event(thread: LogicalThread, address: number, what?: string): void {
    this.order.happened(thread.index, thread.word, thread.kind)
    this.trace?.push({
      thread: thread.index,
      what: `${what ?? ['loads', 'stores', 'updates'][thread.kind]} ${describeAddress(this.world, address)}`,
    })
  }

  // --- A schedule -----------------------------------------------------------------------------------------------------

  /** Runs one schedule to its end. Throws `Merged`, or an error that no operation may throw. */
  run(): void {
    this.world.restore()
    this.#choices.begin()
    this.#onEnd = 0
    this.#accesses = 0
    this.clock = 0
    this.#time = 0
    this.timeouts = 0
    this.history = [...this.#victimEntry]
    this.#mortalAccesses = 0
    this.mortalDied = false
    this.order.begin()
    this.#steps.fill(0)
    this.#operations.fill(undefined)
    let current = this.#choose(-1, -1)
    while (true) {
      this.#next = -1
      this.#advance(current)
      if (this.#next >= 0) {
        current = this.#next
        continue
      }
      if (this.enabled() === 0 && !this.#timeOut()) return
      current = this.#choose(-1, current)
    }
  }

  /** All threads sleep, and their time slices end. False: no thread sleeps, so the schedule is over. */
  #timeOut(): boolean {
    let any = false
    for (let i = 0; i < this.#count; i++) {
      const thread = this.world.threads[i]
      if (thread.state !== SLEEPING) continue
      thread.state = TIMED_OUT
      this.order.timedOut(i)
      any = true
    }
    if (any) this.timeouts++
    this.#time += SLICE_MS
    return any
  }

  /** Lets a thread run until it is suspended, sleeps or ends an operation. */
  #advance(i: number): void {
    const thread = this.world.threads[i]
    let operation = this.#operations[i]
    if (operation === undefined) {
      const step = this.#stepOf(i)
      operation = this.#operations[i] = perform(this.world, thread, step)
      const entry = newEntry(i, step, ++this.clock)
      this.#entries[i] = entry
      this.history.push(entry)
      this.order.called(i)
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
    entry.return = ++this.clock
    if (thread.computed) entry.computed = true
    this.order.returned(i)
    this.#operations[i] = undefined
    this.#steps[i]++
  }

  #die(i: number): void {
    this.world.threads[i].reset()
    this.mortalDied = true
    this.deaths++
    this.#steps[i] = this.scenario.threads[i].length
    this.order.died()
  }

  #stepOf(i: number): Step {
    const step = this.scenario.threads[i][this.#steps[i]]
    return step.op === 'recover' ? { ...step, owner: this.victim } : step
  }
}
