/** What a thread knows of itself, without importing anything that only one runtime has. */

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): { threadId: number } | undefined
  on?(event: 'worker', listener: (worker: unknown) => void): unknown
}

/** Node's (or Bun's, or Deno's) process object, if there is one. */
export function nodeProcess(): NodeProcess | undefined {
  const candidate = (globalThis as { process?: NodeProcess }).process
  return typeof candidate?.on === 'function' ? candidate : undefined
}

/** This thread's number in its runtime plus one; 0 where that is not to be known. */
export function threadNumber(): number {
  try {
    const id = nodeProcess()?.getBuiltinModule?.('node:worker_threads')?.threadId
    return id === undefined ? 0 : id + 1
  } catch {
    return 0
  }
}

/** Whether this thread may sleep: the main thread of a page may not. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0)
    return true
  } catch {
    return false
  }
}

/** A timer must not keep a program alive. */
export function unref(timer: unknown): void {
  const deno = (globalThis as { Deno?: { unrefTimer?(id: unknown): void } }).Deno
  if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref()
  else deno?.unrefTimer?.(timer)
}
