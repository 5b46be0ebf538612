/**
 * Browsers, and any runtime without a file of its own. Test runners choose this file for Node too when they imitate a browser
 * (jest-environment-jsdom resolves the condition `browser`), and a program that was bundled for browsers can run in Deno. This file
 * recognises both by modules that only a real `process` hands out: polyfills of `process` have none.
 */

import type { Platform } from './platform.js'
import { type NodeModules, serverPlatform, type WorkerThreads } from './server.js'
import { clock, hardwareConcurrency, isWebWorker, lockManager, looksLikeWebWorker, maySleep, unref } from './web.js'
import { WebThread } from './web-thread.js'
import type { BrowserWorker } from './workers.js'

interface Process {
  versions?: { node?: string; deno?: string; bun?: string }
  getBuiltinModule?(name: string): unknown
}

function server(): Platform | undefined {
  const process = (globalThis as { process?: Process }).process
  try {
    const versions = process?.versions
    const threads = process?.getBuiltinModule?.('node:worker_threads') as WorkerThreads | undefined
    if (typeof threads?.threadId !== 'number' || typeof versions?.node !== 'string') return undefined
    const load = (name: string) => process?.getBuiltinModule?.(name)
    return serverPlatform(versions.deno ? 'deno' : versions.bun ? 'bun' : 'node', {
      threads,
      diagnostics: load('node:diagnostics_channel') as NodeModules['diagnostics'],
      os: load('node:os') as NodeModules['os'],
      asyncHooks: load('node:async_hooks') as NodeModules['asyncHooks'],
      files: load('node:fs/promises') as NodeModules['files'],
      process: load('node:process') as NonNullable<NodeModules['process']>,
    })
  } catch {
    // The `process` of a sandbox may throw for a module that the sandbox forbids.
    return undefined
  }
}

function browser(): Platform {
  const locks = lockManager()
  const webThread = locks && new WebThread(locks, { atOnce: false })
  // A page asks for its Web Lock when it has its first map, because browsers do not keep a page that holds a lock for the back button.
  // A page cannot be stopped in the middle of a task, and its workers end with it.
  if (isWebWorker()) webThread?.beginWorker(globalThis as unknown as EventTarget)
  return {
    name: 'browser',
    threadNumber: () => webThread?.number ?? 0,
    environment: undefined,
    onNewWorker() {},
    webThread,
    hearsOf: (worker): worker is BrowserWorker => webThread !== undefined && looksLikeWebWorker(worker),
    hardwareThreads: hardwareConcurrency,
    maySleep,
    clock,
    unref,
    asyncHooks: undefined,
    fileSystem: undefined,
  }
}

export const platform: Platform = server() ?? browser()
