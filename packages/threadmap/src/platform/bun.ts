/** Bun. */
import * as asyncHooks from 'node:async_hooks'
import * as diagnostics from 'node:diagnostics_channel'
import * as files from 'node:fs/promises'
import * as os from 'node:os'
import process from 'node:process'
import * as threads from 'node:worker_threads'
import type { Platform } from './platform.js'
import { serverPlatform } from './server.js'

export const platform: Platform = serverPlatform('bun', { threads, diagnostics, os, asyncHooks, files, process })
