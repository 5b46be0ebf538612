/**
 * The built library by its address: a page served without a bundler has no bare names, and import maps don't reach
 * workers. From build/test/runtimes it is at the same place for every runtime.
 */
export const library = (await import(
  new URL('../../../dist/index.js', import.meta.url).href
)) as typeof import('threadmap')

export const sync = (await import(
  new URL('../../../dist/sync.js', import.meta.url).href
)) as typeof import('threadmap/sync')

/** Web workers (browsers, Deno, Bun) and Node's have the same few things under different names. */
export const isNode = typeof globalThis.Worker === 'undefined'
