/**
 * The queues of a shard, in the order of S3-FIFO: new entries come to the small one, those that were hit there go on to the main one. Both
 * are doubly linked lists through the trailers of the entries. The caller holds the shard's mutex. Nothing here is needed to read: after a
 * death `rebuildQueues` makes the queues anew from the table.
 *
 * A third queue has the entries that loads made, until they get a value. They weigh nothing, so that the bound on values never pushes out a
 * load that threads wait for: as many keys can be loaded at once as the memory has room for.
 *
 * Source: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction, SOSP 2023).
 */
import { get32, load8, load64, put32, store8 } from '../atomics'
import {
  D_TABLE,
  Q_COUNT,
  Q_LOADING,
  Q_MAIN,
  Q_NEWEST,
  Q_OLDEST,
  Q_SMALL,
  Q_VALUES,
  Q_WEIGHT,
  T_NEWER,
  T_OLDER,
  T_QUEUE,
  T_WEIGHT,
} from '../layout'
import { keyEnd } from '../table/entry'
import { addressOf, nextSlot, slotContent } from '../table/table'
import { markOf, queuesOf } from './state'

/** An entry is hit this often, and not more, as far as eviction is concerned. */
export const MOST_MARKS: u32 = 3

/** Where an entry has its links. */
// @inline
export function trailerOf(entry: u32): u32 {
  return entry + keyEnd(get32(entry + 4))
}

export function weightOf(entry: u32): u32 {
  return get32(trailerOf(entry) + T_WEIGHT)
}

export function marksOf(entry: u32): u32 {
  return load8(markOf(entry))
}

export function setMarks(entry: u32, count: u32): void {
  store8(markOf(entry), count)
}

/** A hit. A thread that comes late may mark an entry that took the place of another: then that one stays a little longer. */
// @inline
export function markHit(entry: u32): void {
  const mark = markOf(entry)
  const count = load8(mark)
  if (count < MOST_MARKS) store8(mark, count + 1)
}

/** The queue that an entry is in. */
export function queueOf(entry: u32): u32 {
  return get32(trailerOf(entry) + T_QUEUE)
}

/** Puts an entry that is in no queue to the newest end of one: Q_SMALL, Q_MAIN or Q_LOADING. */
export function enqueue(shard: u32, entry: u32, which: u32, weight: u32): void {
  const queue = queuesOf(shard) + which
  const trailer = trailerOf(entry)
  const newest = get32(queue + Q_NEWEST)
  put32(trailer + T_NEWER, 0)
  put32(trailer + T_OLDER, newest)
  put32(trailer + T_WEIGHT, weight)
  put32(trailer + T_QUEUE, which)
  if (newest == 0) put32(queue + Q_OLDEST, entry)
  else put32(trailerOf(newest) + T_NEWER, entry)
  put32(queue + Q_NEWEST, entry)
  put32(queue + Q_WEIGHT, get32(queue + Q_WEIGHT) + weight)
  put32(queue + Q_COUNT, get32(queue + Q_COUNT) + 1)
  if (which != Q_LOADING) put32(queuesOf(shard) + Q_VALUES, get32(queuesOf(shard) + Q_VALUES) + 1)
}

/** Takes an entry out of its queue. */
export function dequeue(shard: u32, entry: u32): void {
  const trailer = trailerOf(entry)
  const which = get32(trailer + T_QUEUE)
  const queue = queuesOf(shard) + which
  const newer = get32(trailer + T_NEWER)
  const older = get32(trailer + T_OLDER)
  if (newer == 0) put32(queue + Q_NEWEST, older)
  else put32(trailerOf(newer) + T_OLDER, older)
  if (older == 0) put32(queue + Q_OLDEST, newer)
  else put32(trailerOf(older) + T_NEWER, newer)
  put32(queue + Q_WEIGHT, get32(queue + Q_WEIGHT) - get32(trailer + T_WEIGHT))
  put32(queue + Q_COUNT, get32(queue + Q_COUNT) - 1)
  if (which != Q_LOADING) put32(queuesOf(shard) + Q_VALUES, get32(queuesOf(shard) + Q_VALUES) - 1)
}

/** Moves an entry to the newest end of a queue. */
export function pass(shard: u32, entry: u32, to: u32): void {
  const weight = weightOf(entry)
  dequeue(shard, entry)
  enqueue(shard, entry, to, weight)
}

/** An entry has another weight now. */
export function reweigh(shard: u32, entry: u32, weight: u32): void {
  const trailer = trailerOf(entry)
  const queue = queuesOf(shard) + get32(trailer + T_QUEUE)
  put32(queue + Q_WEIGHT, get32(queue + Q_WEIGHT) - get32(trailer + T_WEIGHT) + weight)
  put32(trailer + T_WEIGHT, weight)
}

/** The weight of all entries of a shard. Those that loads made have none. */
export function totalWeight(shard: u32): u32 {
  const queues = queuesOf(shard)
  return get32(queues + Q_SMALL + Q_WEIGHT) + get32(queues + Q_MAIN + Q_WEIGHT)
}

/** Compaction has copied an entry to another place: its neighbours name the copy from now on, and its marks go with it. */
export function moved(shard: u32, from: u32, to: u32): void {
  const trailer = trailerOf(to)
  const queue = queuesOf(shard) + get32(trailer + T_QUEUE)
  const newer = get32(trailer + T_NEWER)
  const older = get32(trailer + T_OLDER)
  if (newer == 0) put32(queue + Q_NEWEST, to)
  else put32(trailerOf(newer) + T_OLDER, to)
  if (older == 0) put32(queue + Q_OLDEST, to)
  else put32(trailerOf(older) + T_NEWER, to)
  setMarks(to, marksOf(from))
}

export function emptyQueues(shard: u32): void {
  const queues = queuesOf(shard)
  for (let at: u32 = Q_SMALL; at < Q_MAIN + 16; at += 4) put32(queues + at, 0)
  for (let at: u32 = Q_LOADING; at < Q_LOADING + 16; at += 4) put32(queues + at, 0)
  put32(queues + Q_VALUES, 0)
}

/**
 * After a death: every entry of the table is in the queue that it names, in the table's order. The order of their age is lost, which costs
 * hits and nothing else.
 */
export function rebuildQueues(shard: u32): void {
  emptyQueues(shard)
  const word = load64(shard + D_TABLE)
  let slot = addressOf(word)
  while ((slot = nextSlot(word, slot)) != 0) {
    const entry = <u32>slotContent
    const trailer = trailerOf(entry)
    const named = get32(trailer + T_QUEUE)
    const which = named == Q_MAIN || named == Q_LOADING ? named : Q_SMALL
    enqueue(shard, entry, which, which == Q_LOADING ? 0 : get32(trailer + T_WEIGHT))
  }
}
