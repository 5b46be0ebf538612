/** What a thread knows of itself, without importing anything that only one runtime has. */

interface WorkerThreads {
  threadId: number
  getEnvironmentData?(key: string): unknown
  setEnvironmentData?(key: string, value: unknown): void
}

interface NodeProcess {
  getBuiltinModule?(name: 'node:worker_threads'): WorkerThreads | undefined
  on?(event: 'worker', listener: (worker: unknown) => void): unknown
}

/** Node's (or Bun's, or Deno's) process object, if there is one. */
export function nodeProcess(): NodeProcess | undefined {
  const candidate = (globalThis as { process?: NodeProcess }).process
  return typeof candidate?.on === 'function' ? candidate : undefined
}

function workerThreads(): WorkerThreads | undefined {
  try {
    return nodeProcess()?.getBuiltinModule?.('node:worker_threads')
  } catch {
    return undefined
  }
}

/** This thread's number in its runtime plus one; 0 where that is not to be known. */
export function threadNumber(): number {
  const id = workerThreads()?.threadId
  return id === undefined ? 0 : id + 1
}

/** What a thread leaves for the workers that it creates. */
const PARENT = 'threadmap:parent'

let parent: number | undefined

/**
 * The number plus one of the thread that created this one, or of one further up; 0 where that is not to be known. From now
 * on workers that this thread creates will name it.
 */
export function parentNumber(): number {
  if (parent === undefined) {
    const threads = workerThreads()
    const said = threads?.getEnvironmentData?.(PARENT)
    parent = typeof said === 'number' ? said : 0
    threads?.setEnvironmentData?.(PARENT, threadNumber())
  }
  return parent
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
