/** The parts of Node's modules that the library uses. Only src/platform imports them, so the declarations of all of Node are not needed. */
declare module 'node:worker_threads' {
  export const threadId: number
  export const isMainThread: boolean
  export function getEnvironmentData(key: string): unknown
  export function setEnvironmentData(key: string, value: unknown): void
}

declare module 'node:diagnostics_channel' {
  export function subscribe(name: string, listener: (message: unknown) => void): void
}

declare module 'node:os' {
  export function availableParallelism(): number
}

declare module 'node:async_hooks' {
  export class AsyncLocalStorage {}
  export function executionAsyncId(): number
  export function triggerAsyncId(): number
  export function executionAsyncResource(): object
}

declare module 'node:process' {
  const process: { on(event: 'worker', listener: (worker: unknown) => void): unknown }
  export default process
}

declare module 'node:fs/promises' {
  type FileSystem = import('./platform.js').FileSystem
  export const open: FileSystem['open']
  export const realpath: FileSystem['realpath']
  export const rename: FileSystem['rename']
  export const unlink: FileSystem['unlink']
}
