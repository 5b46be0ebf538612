/** Pages that `next build` has rendered: Next.js reads them from its own folder only with its own handler, so that handler is asked for them. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { GetContext, HandlerContext, StoredEntry } from './types.js'

const MODULE = 'next/dist/server/lib/incremental-cache/file-system-cache'

interface FileCache {
  get(key: string, context: GetContext): Promise<StoredEntry<unknown> | null>
}

let found: (new (context: object) => FileCache) | null | undefined

/** The page of that key in the output of `next build`, or null. */
export async function prerendered(context: HandlerContext, key: string, asked: GetContext) {
  if (found === undefined) found = load(context)
  if (!found) return null
  // It must keep nothing in its own memory, nor write files: the shared cache has what is newer.
  const files = new found({ ...context, flushToDisk: false, maxMemoryCacheSize: 0 })
  return files.get(key, asked)
}

function load({ serverDistDir }: HandlerContext): typeof found {
  if (serverDistDir === undefined) return null
  try {
    return createRequire(join(serverDistDir, 'handler.js'))(MODULE).default
  } catch {
    // Another version may have it elsewhere. Its pages are then rendered when they are first asked for.
    return null
  }
}
