/** What every runtime has of the web platform. */
import type { LockManager } from './platform.js'

interface Navigator {
  locks?: LockManager
  hardwareConcurrency?: number
}

function navigator(): Navigator | undefined {
  return (globalThis as { navigator?: Navigator }).navigator
}

export function lockManager(): LockManager | undefined {
  const locks = navigator()?.locks
  return typeof locks?.request === 'function' && typeof locks.query === 'function' ? locks : undefined
}

export function hardwareConcurrency(): number {
  return navigator()?.hardwareConcurrency || 1
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
