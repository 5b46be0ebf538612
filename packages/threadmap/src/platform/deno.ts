/** Deno. */
import * as asyncHooks from 'node:async_hooks'
import * as diagnostics from 'node:diagnostics_channel'
import * as files from 'node:fs/promises'
import * as os from 'node:os'
import * as threads from 'node:worker_threads'
import type { Platform } from './platform.js'
import { serverPlatform } from './server.js'

export const platform: Platform = serverPlatform('deno', { threads, diagnostics, os, asyncHooks, files })
