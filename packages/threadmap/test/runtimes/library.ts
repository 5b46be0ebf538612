/**
 * The built library by its address: a page served without a bundler has no bare names, and import maps don't reach
 * workers. From build/test/runtimes it is at the same place for every runtime; pages have their own entry.
 */
/** Whether this runs in a page that a server sent, or in a worker of one. */
export const inPage = globalThis.location?.protocol.startsWith('http')
const dist = new URL(inPage ? '../../../dist/web/' : '../../../dist/', import.meta.url)

export const library = (await import(new URL('index.js', dist).href)) as typeof import('threadmap')

export const sync = (await import(new URL('sync.js', dist).href)) as typeof import('threadmap/sync')

export const dumps = (await import(new URL('dump.js', dist).href)) as typeof import('threadmap/dump')

export const caches = (await import(new URL('cache.js', dist).href)) as typeof import('threadmap/cache')

/** Web workers (browsers, Deno, Bun) and Node's workers name the same functions differently. */
export const isNode = typeof globalThis.Worker === 'undefined'
