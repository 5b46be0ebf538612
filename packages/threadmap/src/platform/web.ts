/** The parts of the web platform that every runtime has. */
import type { LockManager } from './web-thread.js'

interface Navigator {
  locks?: LockManager
  hardwareConcurrency?: number
}

function navigator(): Navigator | undefined {
  return (globalThis as { navigator?: Navigator }).navigator
}

export function lockManager(): LockManager | undefined {
  const locks = navigator()?.locks
  return typeof locks?.request === 'function' ? locks : undefined
}

export function hardwareConcurrency(): number {
  return navigator()?.hardwareConcurrency || 1
}

export function isWebWorker(): boolean {
  const scope = (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope
  return typeof scope === 'function' && globalThis instanceof scope
}

/** Whether `worker` looks like a browser's `Worker`, which has no event for its end. */
export function looksLikeWebWorker(worker: unknown): boolean {
  const candidate = worker as { postMessage?: unknown; terminate?: unknown; once?: unknown } | null | undefined
  return (
    typeof candidate?.postMessage === 'function' &&
    typeof candidate.terminate === 'function' &&
    candidate.once === undefined
  )
}

/** Whether this thread may sleep: the only way to know is to try. A wait for a value that the word does not hold ends at once. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return true
  } catch {
    return false
  }
}

let origin: number | undefined

/**
 * A thread's `performance.now()`, whose zero is the thread's start, and when that was. The starts of threads are points of the wall clock, which
 * may have been set between two of them.
 */
export function clock(): number {
  origin ??= performance.timeOrigin
  return origin + performance.now()
}

export function unref(timer: unknown): void {
  const deno = (globalThis as { Deno?: { unrefTimer?(id: unknown): void } }).Deno
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
  else deno?.unrefTimer?.(timer)
}
