/** What every runtime has of the web platform. */
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

/** A `Worker` as browsers have it: it cannot be asked for its end. */
export function looksLikeWebWorker(worker: unknown): boolean {
  const candidate = worker as { postMessage?: unknown; terminate?: unknown; once?: unknown } | null | undefined
  return (
    typeof candidate?.postMessage === 'function' &&
    typeof candidate.terminate === 'function' &&
    candidate.once === undefined
  )
}

/** There is no other way to know than to try; a wait for a value that differs already ends at once. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return true
  } catch {
    return false
  }
}

export function unref(timer: unknown): void {
  const deno = (globalThis as { Deno?: { unrefTimer?(id: unknown): void } }).Deno
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
  else deno?.unrefTimer?.(timer)
}
