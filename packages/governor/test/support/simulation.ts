/**
 * A discrete-event model of the load of `lab tail`: a store of 64 shards behind one pool of connections, open-loop traffic, and one planted fault; the
 * governor's own room and leader, with the levels acted out as `Calls` does. It has no threads, no timers and no clock of its own, so minutes pass in
 * a fraction of a second, and a seed determines everything.
 */

import { hashOf } from '#governor/keys/hash.js'
import { Sampler } from '#governor/keys/sampler.js'
import { Leader } from '#governor/leader.js'
import { checkOptions, type GovernorOptions } from '#governor/options.js'
import { hotHashes } from '#governor/policy/by-hand.js'
import { levelOf } from '#governor/shared/control.js'
import * as layout from '#governor/shared/layout.js'
import { Room } from '#governor/shared/room.js'
import type { Kept } from '#governor/shared/transitions.js'
import { generator, Zipf } from './zipf.js'

export type Fault = 'hot key' | 'slow shard' | 'steeper zipf' | 'failing shard' | undefined

export interface Run {
  readonly fault: Fault
  readonly seed: number
  /** In ms from the begin. */
  readonly faultFrom: number
  readonly faultUntil: number
  readonly until: number
  readonly scale: number
  readonly governed?: boolean
  /** How many times as long the slow shard takes; default 20. */
  readonly slow?: number
}

export interface Request {
  readonly at: number
  readonly key: number
  readonly shard: number
  readonly isWrite: boolean
  end: number
  came: 'answered' | 'refused' | 'busy' | 'failed' | undefined
}

export interface Result {
  readonly requests: readonly Request[]
  readonly transitions: readonly Kept[]
  /** The number of the governor's looks, and when the hot shard was found hot, in ms from the begin. */
  readonly found: number | undefined
  readonly cause: string | undefined
}

const SHARDS = 64
const KEYS = 20_000
const RATE = 125
const SERVICE_MS = 80
const AT_ONCE = 2
const CONNECTIONS = 24
const ACQUIRE_MS = 1000
const STATEMENT_MS = 4000
const MAX_AGE_MS = 10_000
const SWEEP_MS = 50
export const OBJECTIVE_MS = 400

const shardOf = (key: number) => Math.imul(key + 7, 0x9e3779b1) >>> 26
export const HOT_SHARD = shardOf(0)

/** Calls planned for later times, the earliest first: a binary heap. Calls of one time run in the order in which they were planned. */
class Agenda {
  readonly #heap: { at: number; order: number; call: () => void }[] = []
  #order = 0
  now = 0

  plan(at: number, call: () => void): void {
    const heap = this.#heap
    const entry = { at, order: this.#order++, call }
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(entry, heap[parent])) break
      heap[i] = heap[parent]
      i = parent
    }
    heap[i] = entry
  }

  /** Runs everything up to a time. */
  run(until: number): void {
    const heap = this.#heap
    while (heap.length > 0 && heap[0].at <= until) {
      const { at, call } = heap[0]
      const last = heap.pop() as (typeof heap)[number]
      if (heap.length > 0) this.#sink(last)
      this.now = at
      call()
    }
    this.now = until
  }

  #sink(entry: { at: number; order: number; call: () => void }): void {
    const heap = this.#heap
    let i = 0
    while (true) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++
      if (!isBefore(heap[child], entry)) break
      heap[i] = heap[child]
      i = child
    }
    heap[i] = entry
  }
}

function isBefore(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

type Outcome = 'done' | 'failed' | 'busy'

interface Waiting {
  since: number
  readonly shard: number
  readonly done: (outcome: Outcome) => void
}

/** As the store of `lab tail`. */
class Store {
  readonly #agenda: Agenda
  readonly #next: () => number
  readonly #slow: number
  readonly #pool: Waiting[] = []
  readonly #active = new Uint8Array(SHARDS)
  readonly #queues: Waiting[][] = Array.from({ length: SHARDS }, () => [])
  #connections = CONNECTIONS
  fault: Fault

  constructor(agenda: Agenda, next: () => number, slow: number) {
    this.#agenda = agenda
    this.#next = next
    this.#slow = slow
    const sweep = () => {
      this.#giveUp()
      agenda.plan(agenda.now + SWEEP_MS, sweep)
    }
    agenda.plan(SWEEP_MS, sweep)
  }

  request(shard: number, done: (outcome: Outcome) => void): void {
    this.#pool.push({ since: this.#agenda.now, shard, done })
    this.#connect()
  }

  #connect(): void {
    while (this.#connections > 0 && this.#pool.length > 0) {
      const waiting = this.#pool.shift() as Waiting
      this.#connections--
      if (this.#active[waiting.shard] < AT_ONCE) this.#serve(waiting)
      else {
        waiting.since = this.#agenda.now
        this.#queues[waiting.shard].push(waiting)
      }
    }
  }

  #serve({ shard, done }: Waiting): void {
    this.#active[shard]++
    const ms = SERVICE_MS * (0.5 + this.#next())
    const isPlanted = shard === HOT_SHARD
    const fails = this.#next() < 0.3 && isPlanted && this.fault === 'failing shard'
    const slower = fails ? 10 : isPlanted && this.fault === 'slow shard' ? this.#slow : 1
    this.#agenda.plan(this.#agenda.now + ms * slower, () => {
      this.#active[shard]--
      done(fails ? 'failed' : 'done')
      this.#connections++
      const next = this.#queues[shard].shift()
      if (next !== undefined) this.#serve(next)
      this.#connect()
    })
  }

  #giveUp(): void {
    const { now } = this.#agenda
    while (this.#pool.length > 0 && now - this.#pool[0].since >= ACQUIRE_MS) this.#pool.shift()?.done('busy')
    for (const queue of this.#queues) {
      while (queue.length > 0 && now - queue[0].since >= STATEMENT_MS) {
        queue.shift()?.done('failed')
        this.#connections++
      }
    }
    this.#connect()
  }
}

/** The levels, as `Calls` acts on them. */
class Governed {
  readonly room: Room
  readonly #agenda: Agenda
  readonly #store: Store
  readonly #leader: Leader
  readonly #sampler: Sampler
  readonly #copies = new Map<number, number>()
  readonly #flights = new Map<number, Request[]>()
  #hot: ReadonlySet<number> = new Set()
  #turns = 0
  found: number | undefined
  cause: string | undefined

  constructor(agenda: Agenda, store: Store, options: GovernorOptions) {
    const settings = checkOptions(options)
    this.room = Room.create(settings, 1)
    this.#agenda = agenda
    this.#store = store
    this.#leader = new Leader(this.room)
    this.#sampler = new Sampler(settings.keys.halfLife, settings.keys.sample, this.#now)
    const turn = () => {
      const now = this.#now
      this.#sampler.turn(now, this.room.published, this.room.slot)
      this.#leader.turn(now)
      this.#hot = hotHashes(this.room)
      const word = this.room.controls.word(HOT_SHARD)
      if ((word & 32) !== 0) {
        this.found ??= agenda.now
        this.cause = [undefined, 'hot key', 'slow shard', 'failing shard'][(word >>> 7) & 3]
      }
      agenda.plan(++this.#turns * Math.min(1000, settings.windows.look / 5), turn)
    }
    turn()
  }

  get #now(): number {
    return this.room.started + this.#agenda.now
  }

  request(request: Request): void {
    const { key, shard } = request
    this.#sampler.see(`k${key}`, shard)
    const level = levelOf(this.room.controls.word(shard))
    if (level === 0) this.#call([request])
    else if (level === 1) this.#limited(request)
    else if (level === 2) this.#isolated(request)
    else this.#degraded(request)
  }

  #limited(request: Request): void {
    const { admission } = this.room
    const { shard } = request
    if (admission.take(shard, this.room.limitOf(shard), 0, this.#now) < 0) this.#refuse(request)
    else this.#call([request])
  }

  #isolated(request: Request): void {
    const { permits, settings, counts } = this.room
    const { key, shard, isWrite } = request
    const age = this.#agenda.now - (this.#copies.get(key) ?? Number.NEGATIVE_INFINITY)
    const flight = this.#flights.get(key)
    if (!isWrite && age <= MAX_AGE_MS && this.#hot.has(hashOf(`k${key}`))) {
      this.#answer(request, layout.C_COPIES)
    } else if (!isWrite && flight !== undefined) {
      counts.add(shard, layout.C_JOINED)
      flight.push(request)
    } else {
      const permit = permits.take(shard, settings.isolation.concurrency)
      if (permit < 0) {
        this.#refuse(request)
        return
      }
      const all = [request]
      if (!isWrite) this.#flights.set(key, all)
      this.#call(all, () => {
        if (!isWrite) this.#flights.delete(key)
        permits.release(shard, permit)
      })
    }
  }

  #degraded(request: Request): void {
    const { permits, settings, counts, admission } = this.room
    const { key, shard, isWrite } = request
    const permit = permits.take(shard, 1)
    const rate = (settings.degrade.probes * 1000) / settings.windows.short
    if (permit >= 0 && admission.take(shard, rate, 0, this.#now) >= 0) {
      counts.add(shard, layout.C_PROBES)
      this.#call([request], outcome => {
        if (outcome === 'failed') counts.add(shard, layout.C_PROBE_ERRORS)
        permits.release(shard, permit)
      })
      return
    }
    if (permit >= 0) permits.release(shard, permit)
    if (!isWrite && this.#copies.has(key)) this.#answer(request, layout.C_DEGRADED)
    else this.#refuse(request)
  }

  #answer(request: Request, counter: number): void {
    this.room.counts.add(request.shard, counter)
    request.end = this.#agenda.now
    request.came = 'answered'
  }

  #refuse(request: Request): void {
    this.room.counts.add(request.shard, layout.C_REFUSED)
    request.end = this.#agenda.now
    request.came = 'refused'
  }

  #call(requests: Request[], after?: (outcome: Outcome) => void): void {
    const [{ key, shard, isWrite }] = requests
    const began = this.#agenda.now
    const isKept = this.room.controls.word(shard) !== 0
    this.room.inFlight[shard]++
    this.#store.request(shard, outcome => {
      const ms = this.#agenda.now - began
      if (outcome === 'done') this.room.ended(shard, ms)
      else this.room.failed(shard, ms, outcome === 'failed')
      if (outcome === 'done' && isKept && !isWrite) this.#copies.set(key, began)
      if (isWrite) this.#copies.delete(key)
      after?.(outcome)
      finish(requests, outcome, this.#agenda.now)
    })
  }
}

function finish(requests: readonly Request[], outcome: Outcome, end: number): void {
  for (const request of requests) {
    request.end = end
    request.came = outcome === 'done' ? 'answered' : outcome
  }
}

/** Runs the load; the governor has the settings of `lab tail`. */
export function simulate(run: Run): Result {
  const { fault, seed, faultFrom, faultUntil, until, scale, governed = true, slow = 20 } = run
  const agenda = new Agenda()
  const [arrivals, planted, kind, service] = [1, 2, 3, 4].map(n => generator(seed * 7919 + n))
  const store = new Store(agenda, service, slow)
  const governor = governed
    ? new Governed(agenda, store, {
        objective: { p99: OBJECTIVE_MS },
        shards: SHARDS,
        timeScale: scale,
        detection: { minOperations: Math.ceil(200 * scale) },
        degrade: { minOperations: Math.max(4, Math.ceil(20 * scale)) },
      })
    : undefined
  const flat = new Zipf(KEYS, 0.99, seed)
  const steep = new Zipf(KEYS, 1.2, seed + 1)
  const requests: Request[] = []
  const arrive = () => {
    const { now } = agenda
    const inFault = now >= faultFrom && now < faultUntil
    const ordinary = flat.next()
    let key = ordinary
    if (inFault && fault === 'hot key') key = planted() < 0.6 ? 0 : ordinary
    else if (inFault && fault === 'steeper zipf') key = steep.next()
    const request: Request = { at: now, key, shard: shardOf(key), isWrite: kind() < 0.05, end: -1, came: undefined }
    requests.push(request)
    if (governor !== undefined) governor.request(request)
    else store.request(request.shard, outcome => finish([request], outcome, agenda.now))
    agenda.plan(now - (Math.log(1 - arrivals()) * 1000) / RATE, arrive)
  }
  agenda.plan(0, arrive)
  agenda.plan(faultFrom, () => {
    store.fault = fault
  })
  agenda.plan(faultUntil, () => {
    store.fault = undefined
  })
  agenda.run(until)
  const transitions = governor?.room.transitions.since(0) ?? []
  const started = governor?.room.started ?? 0
  return {
    requests,
    transitions: transitions.map(kept => ({ ...kept, at: kept.at - started })),
    found: governor?.found,
    cause: governor?.cause,
  }
}
