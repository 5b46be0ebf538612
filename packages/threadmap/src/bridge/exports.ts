/** The exports of kernel/index.ts. Addresses and 32-bit words come as signed numbers: use `>>> 0`. */
export interface KernelExports {
  register(thread: number, record: number, table: number, maySleep: boolean): number
  create(): number
  open(): number
  close(): void
  areaAt(index: number): number
  setResultWindow(size: number): void
  takeKeyArea(size: number): number
  recoverThread(owner: number): number
  finishRecoveries(): number
  declareDead(owner: number): number
  markWebLock(thread: number): void
  get(meta: number): number
  getNumber(meta: number): number
  getNumberAt(key: number): number
  has(meta: number): number
  getText(key: string): number
  getAt(meta: number, time: number): number
  getTextAt(key: string, time: number): number
  getNumberOfText(key: string): number
  hasText(key: string): number
  change(op: number, meta: number, valueMeta: number, expectedMeta: number): number
  changeText(op: number, key: string, valueMeta: number, expectedMeta: number): number
  changeSame(
    op: number,
    meta: number,
    valueMeta: number,
    entry: number,
    generation: number,
    low: number,
    high: number,
  ): number
  changeCache(op: number, meta: number, valueMeta: number, expectedMeta: number, ttl: number, weight: number): number
  changeCacheText(op: number, key: string, valueMeta: number, expectedMeta: number, ttl: number, weight: number): number
  setRecord(ttl: number, weight: number): void
  beginLoad(meta: number, waited: number, force: number, milliseconds: number): number
  endLoad(meta: number, token: number, valueMeta: number, ttl: number, weight: number, took: number): number
  endLoadWithout(meta: number, token: number, how: number, textMeta: number, kept: number, took: number): number
  allowStale(allowed: number): void
  listen(on: number): void
  clearAll(): number
  size(): number
  scan(index: number, position: number): number
  isRecordLive(entry: number, generation: number, meta: number): number
  versionOf(shard: number): number
  readKnown(entry: number, generation: number, shard: number, version: number): number
  readNumber(entry: number, generation: number, shard: number, version: number): number
  readCached(entry: number, generation: number, shard: number, version: number): number
  isCurrent(entry: number, generation: number, shard: number, version: number, low: number, high: number): number
  isCurrentAt(
    entry: number,
    generation: number,
    shard: number,
    version: number,
    low: number,
    high: number,
    time: number,
  ): number
  beginClaim(meta: number): number
  endClaim(claim: number): void
  hashBytes(kind: number, meta: number, seedLow: number, seedHigh: number): number
  /** A counter is named by its offset in a shard, or in a registry slot. */
  shardCounter(index: number, field: number): number
  shardTotal(field: number): number
  totalSlots(): number
  threadTotal(field: number): number
  threadTotalLong(field: number): number
  /** A counter of a cache's shards, named by its offset in a cache shard. */
  cacheTotal(field: number): number
  loadTime(): number
  livingThreads(): number
  untouchedMarks(): number
  usedBytes(): number
  recoveries(): number
  audit(): number
  newLock(kind: number): number
  isLockBlock(block: number): number
  freeLock(block: number, generation: number): void
  acknowledge(block: number): void
  lockMutex(block: number, generation: number, timeout: number): number
  tryLockMutex(block: number, generation: number): number
  unlockMutex(block: number, generation: number): number
  pollMutex(block: number, overdue: number): number
  leaveMutex(block: number): number
  lockWriter(block: number, generation: number, timeout: number): number
  unlockWriter(block: number, generation: number): number
  pollWriterMutex(block: number, overdue: number): number
  leaveWriterMutex(block: number): number
  pollWriter(block: number, yields: number): number
  leaveWriter(block: number): void
  lockReader(block: number, generation: number, timeout: number): number
  unlockReader(block: number, generation: number): number
  pollReader(block: number, overdue: number, again: number): number
  overdueReader(block: number): number
  leaveReader(block: number): void
  isOverdue(milliseconds: number, lost: number): number
  lockOwner(block: number): number
  /** The error to throw for one that a call of HOT (guarded.ts) threw. If that was a trap, this instance is shut. guarded.ts adds this function. */
  trapped(error: unknown, where: string): unknown
}
