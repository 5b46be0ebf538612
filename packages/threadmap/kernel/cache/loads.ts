/**
 * What a record says about a load. A load begins in place, under the shard's mutex, or with a new entry that has no value yet. From then on
 * the record names the load by its number (token) and the thread that loads, until when others wait for it, and whether any does. Whatever
 * replaces or removes the record drops the load with it. The thread that loads is known by its registry slot and incarnation: once it
 * has ended, nobody waits for it.
 *
 * Not before a load's token and owner, which one store writes, does the record say that there is a load; and one store of the owner ends it.
 */
import { get32, load32, load64, put32, store32, store64 } from '../atomics'
import {
  LOAD_IS_WAITED,
  LOADER,
  Q_LOAD_TIME,
  Q_LOADS,
  Q_LOADS_FAILED,
  Q_TOKEN,
  S_INCARNATION,
  V_FRESH_UNTIL,
  V_LOAD_UNTIL,
  V_OWNER,
  V_TOKEN,
  V_TTL,
} from '../layout'
import { isAlive, me, mySlot, slotOf } from '../threads/thread'
import { putTime } from './record'
import { queuesOf } from './state'

/** The number of the load that this thread is about to end, and whether other threads wait for it, as the last `isOwnLoad` found. */
export let endingToken: u32 = 0
export let isWaitedFor: bool = false

export function setEnding(token: u32): void {
  endingToken = token
}

/** What a record without a value has instead: one of the negative numbers of record.ts. A value's is 0 or more. */
export function kindOf(record: u32): f32 {
  return reinterpret<f32>(load32(record + V_TTL))
}

/** {owner 32 | token 32} of a load of this thread. */
export function ownLoad(token: u32): u64 {
  const owner = me | (load32(mySlot + S_INCARNATION) << 16)
  return ((<u64>owner) << 32) | <u64>token
}

/** A time of the cache's clock as records have it. */
export function shortTime(time: f64): u32 {
  return <u32>(<u64>time)
}

/** Whether a thread that lives is loading the value of this record, however long that has taken. */
export function hasLoader(record: u32): bool {
  const owner = get32(record + V_OWNER)
  const loader = owner & LOADER
  if (loader == 0 || !isAlive(loader)) return false
  return (load32(slotOf(loader) + S_INCARNATION) & 0xffff) == owner >> 16
}

/** Whether a thread that lives is loading the value of this record, and its time is not over. */
export function isLoading(record: u32, time: f64): bool {
  return hasLoader(record) && <i32>(get32(record + V_LOAD_UNTIL) - shortTime(time)) > 0
}

/** Whether the record has the load that this thread is about to end. */
export function isOwnLoad(record: u32): bool {
  const owner = get32(record + V_OWNER)
  isWaitedFor = (owner & LOAD_IS_WAITED) != 0
  return (owner & LOADER) == me && get32(record + V_TOKEN) == endingToken
}

/** A number for a new load, which no other load of the shard has had for a long time. Never 0. */
export function nextToken(shard: u32): u32 {
  const at = queuesOf(shard) + Q_TOKEN
  const token = max<u32>((get32(at) + 1) & 0x7fffffff, 1)
  put32(at, token)
  return token
}

/** Begins a load in a record. */
export function startLoad(record: u32, token: u32, until: f64): void {
  store32(record + V_LOAD_UNTIL, shortTime(until))
  store64(record + V_TOKEN, ownLoad(token))
}

/** The load has ended, and the record keeps its number for those who waited. `flags`: LOAD_IS_FAILED or 0. */
export function stopLoad(record: u32, flags: u32): void {
  store32(record + V_OWNER, flags)
}

/** Nobody loads, and those who waited begin anew. */
export function dropLoad(record: u32): void {
  store64(record + V_TOKEN, 0)
}

/** Takes the value away from readers: the record has what `kind` says, which is of use until `until`. */
export function turnInto(record: u32, kind: f32, until: f64): void {
  putTime(record + V_FRESH_UNTIL, -until)
  store32(record + V_TTL, reinterpret<u32>(kind))
}

/** Counts a load that ended. The caller holds the shard's mutex. */
export function countLoad(shard: u32, took: f64, failed: bool): void {
  const queues = queuesOf(shard)
  store32(queues + Q_LOADS, get32(queues + Q_LOADS) + 1)
  if (failed) store32(queues + Q_LOADS_FAILED, get32(queues + Q_LOADS_FAILED) + 1)
  const total = reinterpret<f64>(load64(queues + Q_LOAD_TIME)) + took
  putTime(queues + Q_LOAD_TIME, total)
}
