/** Records histories of a map under real worker threads, and judges them. */
import { writeFileSync } from 'node:fs'
import type { MapKind } from 'threadmap'
import { string } from 'threadmap'
import { Mutex } from 'threadmap/sync'
import { type HistoryJobs, type HistoryTask, historyKey, type ValueName, valuesOf } from '../threads/histories.js'
import { createMap } from '../threads/maps.js'
import type { Random } from '../threads/random.js'
import type { Sabotage } from '../threads/sabotage.js'
import { crewOf, run, until } from '../threads/team.js'
import { Book, Clock } from './book.js'
import { check, checkAll, type Result } from './checker.js'
import { byKey, isPending, type Model } from './history.js'
import { type Input, keyModel, type MapOperation, mapModel, type OperationName, type Output } from './map-model.js'
import { draw, drawHtml } from './picture.js'

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
  /** Operations of each client in a round. */
  readonly each: number
  readonly cache?: number
  readonly sabotage?: Sabotage
  /** What happens while the workers are at work; then they are stopped. `rounds` must be 1. */
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

export async function record(kind: MapKind, options: RecordOptions, random: Random): Promise<Recording> {
  const { clients, rounds, each, keys, operations, values } = options
  using map = createMap<string, unknown>(kind, {
    key: string,
    value: valuesOf(values).codec,
    capacity: 4,
    shards: 2,
    maxBytes: 2 ** 26,
    lockTimeout: 20_000,
  })
  using mutex = kind === 'UnsafeMap' ? new Mutex() : undefined
  // An iteration makes a record for each key.
  const records = each * (operations.includes('iterate') ? keys : 1)
  const books = Array.from({ length: rounds }, () => Book.buffer(clients, records))
  const clock = Clock.buffer()
  const tasks = Array.from({ length: clients }, () => ({
    map: map.handle,
    values,
    operations,
    keys,
    cache: options.cache ?? 0,
    seed: random.next(),
    rounds,
    each,
    clock,
    books,
    lock: mutex?.handle,
    sabotage: options.sabotage,
  }))
  const workers = team('record', tasks)
  if (options.disturb) {
    try {
      await workers.ready()
      workers.open()
      await options.disturb({
        terminate: client => workers.workers[client]!.terminate(),
        completed: client => new Book(books[0]!, client).completed,
      })
      workers.control.stop()
      await until(() => workers.living === 0, 'the survivors stop')
    } finally {
      await workers.terminate()
    }
  } else {
    await run(workers)
  }
  const problems = map.audit()
  if (problems.length > 0) throw new Error(`the audit of ${kind} found: ${problems.join('; ')}`)
  const histories = books.map(book => Book.read(book, historyKey))
  const all = histories.flat()
  return {
    histories,
    overlaps: histories.reduce((sum, history) => sum + overlapsIn(history), 0),
    operations: all.length,
    pending: all.filter(isPending).length,
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
  const end = performance.now() + (options.limit ?? 20_000)
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
