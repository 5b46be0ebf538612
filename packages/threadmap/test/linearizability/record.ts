/** Records histories of a map under real worker threads, and judges them. */
import { writeFileSync } from 'node:fs'
import type { ConcurrentMap, MapKind } from 'threadmap'
import { string } from 'threadmap'
import { Mutex } from 'threadmap/sync'
import { type HistoryJobs, type HistoryTask, historyKey, type ValueName, valuesOf } from '../programs/histories.js'
import { createMap } from '../support/maps.js'
import { PATIENCE, until } from '../support/patience.js'
import type { Random } from '../support/random.js'
import { crewOf, run, type Team } from '../support/team.js'
import { AT_MOST, Book, Clock } from './book.js'
import { check, checkAll, type Result } from './checker.js'
import { byKey, isPending, type Model } from './history.js'
import { type Input, keyModel, type MapOperation, mapModel, type OperationName, type Output } from './map-model.js'
import { draw, drawHtml } from './picture.js'
import type { Sabotage } from './sabotage.js'

const team = crewOf<HistoryJobs>('histories')

/** Every operation on one key, and clear. */
export const ALL_OPERATIONS = [
  'get',
  'get',
  'has',
  'set',
  'set',
  'delete',
  'getOrInsert',
  'getOrInsertComputed',
  'swap',
  'compareAndSwap',
  'compareAndDelete',
  'getAndDelete',
  'update',
] as const satisfies OperationName[]

/** With these alone, `compute` may only have run if the key was absent. */
export const COMPUTE_OPERATIONS = [
  'get',
  'has',
  'delete',
  'getAndDelete',
  'getOrInsertComputed',
  'getOrInsertComputed',
  'getOrInsertComputed',
] as const satisfies OperationName[]

export interface RecordOptions {
  readonly values: ValueName
  readonly operations: HistoryTask['operations']
  readonly clients: number
  readonly keys: number
  readonly rounds: number
  /** Operations of each client in a round, or a few times as many while others have not come so far. */
  readonly each: number
  readonly cache?: number
  readonly sabotage?: Sabotage
  /** Runs while the workers work; afterwards they are stopped. `rounds` must be 1. */
  readonly disturb?: (team: Disturbed) => Promise<void>
}

/** A team whose members may die. */
export interface Disturbed {
  terminate(client: number): Promise<unknown>
  /** How many operations a client has completed. */
  completed(client: number): number
}

export interface Recording {
  readonly histories: MapOperation[][]
  /** Pairs of operations of different clients on one key that overlap: without them nothing was tested. */
  readonly overlaps: number
  readonly operations: number
  readonly pending: number
}

/** A map under test, and where its histories are written. */
class Session {
  readonly options: RecordOptions
  readonly map: ConcurrentMap<string, unknown>
  readonly mutex: Mutex | undefined
  readonly books: SharedArrayBuffer[]
  readonly clock = Clock.buffer()

  constructor(kind: MapKind, options: RecordOptions) {
    this.options = options
    this.map = createMap<string, unknown>(kind, {
      key: string,
      value: valuesOf(options.values).codec,
      capacity: 4,
      shards: 2,
      maxBytes: 2 ** 26,
      lockTimeout: PATIENCE,
    })
    this.mutex = kind === 'UnsafeMap' ? new Mutex() : undefined
    const { clients, rounds, each, keys, operations } = options
    // An iteration makes a record for each key.
    const records = each * AT_MOST * (operations.includes('iterate') ? keys : 1)
    this.books = Array.from({ length: rounds }, () => Book.buffer(clients, records))
  }

  task(seed: number): HistoryTask {
    const { values, operations, keys, rounds, each, sabotage, cache = 0 } = this.options
    const { map, clock, books, mutex } = this
    return {
      map: map.handle,
      values,
      operations,
      keys,
      cache,
      seed,
      rounds,
      each,
      clock,
      books,
      lock: mutex?.handle,
      sabotage,
    }
  }

  read(): Recording {
    const problems = this.map.audit()
    if (problems.length > 0) throw new Error(`the audit of ${this.map.handle.kind} found: ${problems.join('; ')}`)
    const histories = this.books.map(book => Book.read(book, historyKey))
    const all = histories.flat()
    return {
      histories,
      overlaps: histories.reduce((sum, history) => sum + overlapsIn(history), 0),
      operations: all.length,
      pending: all.filter(isPending).length,
    }
  }

  dispose(): void {
    this.map[Symbol.dispose]()
    this.mutex?.[Symbol.dispose]()
  }
}

/** Records histories of one map of this kind for each of the options, with one team: all options have the same number of clients. */
export async function recordAll(kind: MapKind, all: readonly RecordOptions[], random: Random): Promise<Recording[]> {
  const sessions = all.map(options => new Session(kind, options))
  try {
    const { clients, disturb } = all[0]!
    const tasks = Array.from({ length: clients }, () => sessions.map(session => session.task(random.next())))
    const workers = team('record', tasks)
    if (disturb) await disturbed(workers, sessions[0]!.books[0]!, disturb)
    else await run(workers)
    return sessions.map(session => session.read())
  } finally {
    for (const session of sessions) session.dispose()
  }
}

export async function record(kind: MapKind, options: RecordOptions, random: Random): Promise<Recording> {
  const [recording] = await recordAll(kind, [options], random)
  return recording!
}

/** Lets a team work while `disturb` runs, then stops the workers that are left. */
async function disturbed(
  workers: Team<void>,
  book: SharedArrayBuffer,
  disturb: NonNullable<RecordOptions['disturb']>,
): Promise<void> {
  try {
    await workers.ready()
    workers.open()
    await disturb({
      terminate: client => workers.workers[client]!.terminate(),
      completed: client => new Book(book, client).completed,
    })
    workers.control.stop()
    await until(() => workers.living === 0, 'the survivors stop')
  } finally {
    await workers.terminate()
  }
}

/** How many operations on a key begin while one of another client on it is under way. */
function overlapsIn(history: readonly MapOperation[]): number {
  let overlaps = 0
  for (const part of byKey(history, isEverywhere).values()) {
    const sorted = part.toSorted((a, b) => a.call - b.call)
    let latest = sorted[0]
    for (const operation of sorted.slice(1)) {
      if (latest && operation.call < latest.return && operation.client !== latest.client) overlaps++
      if (!latest || operation.return > latest.return) latest = operation
    }
  }
  return overlaps
}

function isEverywhere({ op }: MapOperation): boolean {
  return op === 'clear' || op === 'size'
}

export interface Judgement {
  readonly verdict: Result<unknown, Input, Output>['verdict']
  /** Sets of operations that the search tried. */
  readonly tried: number
  /** The picture, if it is not linearizable. */
  readonly picture: string
}

export interface JudgeOptions {
  readonly exclusive?: boolean
  /** All keys as one object: for maps of one shard. */
  readonly whole?: boolean
  readonly limit?: number
}

/** Whether all histories are linearizable: each key by itself, or the map as a whole. */
export function judge(histories: readonly MapOperation[][], options: JudgeOptions = {}): Judgement {
  const end = performance.now() + (options.limit ?? PATIENCE)
  let tried = 0
  let verdict: Judgement['verdict'] = 'linearizable'
  for (const history of histories) {
    const left = end - performance.now()
    const found = options.whole
      ? picture(check(history, mapModel(), left), mapModel())
      : picture(checkAll(byKey(history, isEverywhere).values(), keyModel(options), left), keyModel(options))
    tried += found.tried
    if (found.verdict === 'not linearizable') return { ...found, tried }
    if (found.verdict === 'unknown') verdict = 'unknown'
  }
  return { verdict, tried, picture: '' }
}

/** `THREADMAP_PICTURE=file.html` keeps the whole failing history, drawn. */
function picture<S>(result: Result<S, Input, Output>, model: Model<S, Input, Output>): Judgement {
  const { verdict, tried, failure } = result
  if (failure === undefined || verdict !== 'not linearizable') return { verdict, tried, picture: '' }
  const file = process.env.THREADMAP_PICTURE
  if (file) writeFileSync(file, drawHtml(failure, model))
  return { verdict, tried, picture: draw(failure, model) }
}
