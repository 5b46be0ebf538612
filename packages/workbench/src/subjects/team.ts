import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type ConcurrentMap, f64, json, type MapStats, string } from 'threadmap'
import { Histogram } from 'threadmap/histogram'
import { SubjectError, UsageError } from '../errors.js'
import { together } from '../threads/collector.js'
import { Team } from '../threads/team.js'
import { operations, valueTypeOf, type Workload } from '../workload.js'
import { type AnyMapOptions, createMap } from './maps.js'
import type { OwnerCommand } from './owner.js'
import { createSharedMap, NotHere, openLmdb } from './peers.js'
import type {
  CollectorFigures,
  RoundCommand,
  RoundReply,
  StoreHandle,
  SubjectCommand,
  SubjectReply,
} from './protocol.js'
import { maxBytesFor, sharedBytes, tooLarge } from './room.js'
import { entriesOf, fill, type Value } from './stores.js'
import type { Subject } from './subject.js'

/** The figures of a team in one round, all threads together. */
export interface RoundFigures {
  /** Millions of operations per second. */
  readonly rate: number
  readonly operations: number
  readonly seconds: number
  /** Times of single operations, if latency was asked for. */
  readonly latency?: Histogram
  readonly collector?: CollectorFigures
  /** The rise of the map's counters per operation, warm-up included; absent without a shared map. */
  readonly perOperation?: Readonly<Record<Counter, number>>
}

const COUNTERS = ['retries', 'lockWaits', 'lockSleeps', 'spins'] as const
export type Counter = (typeof COUNTERS)[number]

export interface SubjectOptions {
  readonly subject: Subject
  readonly threads: number
  readonly signal: AbortSignal
  /** Options of one of the five maps, beside key, value and capacity. */
  readonly mapOptions?: Partial<AnyMapOptions<string, Value>>
}

export type RoundOptions = Pick<RoundCommand, 'ms'> & Partial<Pick<RoundCommand, 'warmUpMs' | 'latency' | 'collector'>>

/** Milliseconds until all threads of a team run at the same time. */
export const WARM_UP_MS = 5

/** The threads of one subject. They serve any number of workloads, one after another. */
export class SubjectTeam {
  readonly subject: Subject
  readonly #options: SubjectOptions
  readonly #team: Team<SubjectCommand, SubjectReply>
  readonly #owner: Team<OwnerCommand, undefined> | undefined
  #map: ConcurrentMap<string, Value> | undefined
  #mayMiss = true
  #cleanUp: (() => void | Promise<void>) | undefined

  private constructor(
    options: SubjectOptions,
    team: Team<SubjectCommand, SubjectReply>,
    owner?: Team<OwnerCommand, undefined>,
  ) {
    this.subject = options.subject
    this.#options = options
    this.#team = team
    this.#owner = owner
  }

  static async start(options: SubjectOptions): Promise<SubjectTeam> {
    const { subject, threads, signal } = options
    const about = { name: subject.name, signal, setup: () => undefined }
    const program = new URL('./worker.js', import.meta.url)
    const team = await Team.start<undefined, SubjectCommand, SubjectReply>({ ...about, program, members: threads })
    if (subject.type !== 'messages') return new SubjectTeam(options, team)
    try {
      const ownerProgram = new URL('./owner.js', import.meta.url)
      const owner = await Team.start<undefined, OwnerCommand, undefined>({
        ...about,
        program: ownerProgram,
        members: 1,
      })
      return new SubjectTeam(options, team, owner)
    } catch (error) {
      await team.stop()
      throw error
    }
  }

  /** The map of the current workload, if the subject is one of the five maps. */
  get map(): ConcurrentMap<string, Value> | undefined {
    return this.#map
  }

  /**
   * Makes a new, filled store for `workload` and lets every thread open it. Throws `NotHere` for a peer that is not installed, and for
   * a `Map` that V8's heap has no room for; `UsageError` for a workload that is too large for a shared map.
   * `list` are the operations of each thread, from `sharedOperations`.
   */
  async prepare(workload: Workload, list: readonly Uint32Array[]): Promise<void> {
    const why = tooLarge(this.subject, workload)
    if (why !== undefined) throw this.subject.type === 'shared' ? new UsageError(why) : new NotHere(why)
    if (this.subject.type === 'peer' && valueTypeOf(workload) === 'objects')
      throw new NotHere('it takes part with numbers and text only')
    const stores = await this.#stores(workload)
    await this.#team.askEach(
      index => ({ do: 'prepare', workload, store: stores.handles[index], operations: list[index] }),
      undefined,
      index => (stores.ports?.[index] === undefined ? [] : [stores.ports[index]]),
    )
    await this.#cleanUp?.()
    this.#cleanUp = stores.cleanUp
    // The check is for our maps only: some peers lose keys, and they are measured, not tested.
    this.#mayMiss = workload.churn > 0 || this.subject.type === 'peer'
  }

  async round({ ms, warmUpMs = WARM_UP_MS, latency = false, collector = false }: RoundOptions): Promise<RoundFigures> {
    const before = this.#map?.stats()
    const replies = await this.#team.ask({ do: 'round', ms, warmUpMs, latency, collector })
    const rounds = replies.filter((reply): reply is RoundReply => reply !== undefined)
    const all = rounds.reduce((sum, reply) => sum + reply.all, 0)
    const missed = rounds.reduce((sum, reply) => sum + reply.missed, 0)
    if (missed > 0 && !this.#mayMiss)
      throw new SubjectError(`${this.subject.name} did not find ${missed} keys that are in it`)
    const latencies = rounds.flatMap(reply => reply.latency ?? [])
    const collectors = rounds.flatMap(reply => (reply.collector === undefined ? [] : [reply.collector]))
    return {
      rate: rounds.reduce((sum, reply) => sum + reply.operations / reply.ms, 0) / 1000,
      operations: rounds.reduce((sum, reply) => sum + reply.operations, 0),
      seconds: Math.max(...rounds.map(reply => reply.ms)) / 1000,
      ...(latency ? { latency: Histogram.sum(latencies) } : {}),
      ...(collector ? { collector: together(collectors) } : {}),
      ...(before === undefined || this.#map === undefined
        ? {}
        : { perOperation: rise(before, this.#map.stats(), all) }),
    }
  }

  /** Lets the threads run on these processors only. */
  async pin(processors: readonly number[]): Promise<void> {
    await this.#team.ask({ do: 'pin', processors })
  }

  async stop(): Promise<void> {
    try {
      // A thread must not end in the middle of a call of lmdb.
      if (!this.#options.signal.aborted && this.subject.name === 'lmdb') await this.#team.ask({ do: 'close' }, 5)
    } finally {
      await Promise.all([this.#team.stop(), this.#owner?.stop()])
      await this.#cleanUp?.()
      this.#cleanUp = undefined
    }
  }

  async #stores(workload: Workload): Promise<Stores> {
    const { subject, threads } = this.#options
    const same = (handle: StoreHandle) => Array.from({ length: threads }, () => handle)
    switch (subject.type) {
      case 'shared':
        return this.#sharedStores(workload, same)
      case 'private':
        return { handles: same({ type: 'private' }) }
      case 'messages':
        return this.#messageStores(workload)
      case 'peer':
        return subject.name === 'lmdb' ? lmdbStores(workload, same) : sharedMapStores(workload, same)
    }
  }

  #sharedStores(workload: Workload, same: (handle: StoreHandle) => StoreHandle[]): Stores {
    const { subject, mapOptions } = this.#options
    if (subject.kind === undefined) throw new Error(`${subject.name} has no kind`)
    const value = { numbers: f64, text: string, objects: json<object>() }[valueTypeOf(workload)]
    const map = createMap<string, Value>(subject.kind, {
      ...mapOptions,
      key: string,
      value: value as unknown as AnyMapOptions<string, Value>['value'],
      capacity: entriesOf(workload),
      maxBytes: maxBytesFor(sharedBytes(workload)),
    })
    fill(map, workload)
    if (map.size !== entriesOf(workload))
      throw new Error(`${subject.name} holds ${map.size} of ${entriesOf(workload)} entries`)
    this.#map = map
    return { handles: same({ type: 'shared', handle: map.handle as never }), cleanUp: () => map[Symbol.dispose]() }
  }

  async #messageStores(workload: Workload): Promise<Stores> {
    const channels = Array.from({ length: this.#options.threads }, () => new MessageChannel())
    const bells = channels.map(() => new Int32Array(new SharedArrayBuffer(128)))
    const ports = channels.map(({ port1 }) => port1)
    await this.#owner?.askEach(
      () => ({ workload, ports, bells }),
      undefined,
      () => ports,
    )
    return {
      handles: channels.map(({ port2 }, i) => ({ type: 'messages', port: port2, bell: bells[i] })),
      ports: channels.map(({ port2 }) => port2),
    }
  }
}

interface Stores {
  /** One handle for each thread. */
  readonly handles: readonly StoreHandle[]
  readonly ports?: readonly MessagePort[]
  /** Frees the stores, once the next ones are in use. */
  readonly cleanUp?: () => void | Promise<void>
}

async function sharedMapStores(workload: Workload, same: (handle: StoreHandle) => StoreHandle[]): Promise<Stores> {
  const map = await createSharedMap(entriesOf(workload), workload.valueBytes)
  fill(map, workload)
  if (map.length !== entriesOf(workload))
    throw new SubjectError(`sharedmap holds ${map.length} of ${entriesOf(workload)} entries`)
  return { handles: same({ type: 'sharedmap', clone: { ...map } }) }
}

async function lmdbStores(workload: Workload, same: (handle: StoreHandle) => StoreHandle[]): Promise<Stores> {
  const folder = mkdtempSync(join(tmpdir(), 'threadmap-lmdb-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const path = join(folder, 'store')
    const lmdb = await openLmdb(path)
    const transaction = lmdb as unknown as { transactionSync(work: () => void): void }
    transaction.transactionSync(() =>
      fill(
        {
          get: key => lmdb.get(key),
          set: (key, value) => lmdb.putSync(key, value),
          delete: key => lmdb.removeSync(key),
        },
        workload,
      ),
    )
    await lmdb.close()
    return { handles: same({ type: 'lmdb', path }), cleanUp: remove }
  } catch (error) {
    remove()
    throw error
  }
}

function rise(before: MapStats, after: MapStats, operations: number): Record<Counter, number> {
  return Object.fromEntries(COUNTERS.map(name => [name, (after[name] - before[name]) / operations])) as Record<
    Counter,
    number
  >
}

/** The operations of each thread, in shared memory. They are made once, and every subject uses them. */
export function sharedOperations(workload: Workload, seed: number): Uint32Array[] {
  return Array.from({ length: workload.threads }, (_, thread) => {
    const list = operations(workload, thread, seed)
    const shared = new Uint32Array(new SharedArrayBuffer(list.byteLength))
    shared.set(list)
    return shared
  })
}

export { NotHere }
