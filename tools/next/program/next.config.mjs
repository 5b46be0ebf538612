// One program, built twice: as Next.js was until version 15 (pages and fetches are cached), and with Cache Components (`use cache`).
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const handler = name => fileURLToPath(import.meta.resolve(`@threadmap/stores/next/${name}`))
const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(dirname(here)))
const usesCache = process.env.THREADMAP_NEXT === 'components'

export default {
  distDir: process.env.THREADMAP_NEXT_OUTPUT,
  cacheHandler: handler('cache-handler'),
  cacheMaxMemorySize: 0,
  cacheHandlers: { default: handler('cache-handlers') },
  cacheComponents: usesCache,
  pageExtensions: usesCache ? ['components.js', 'both.js'] : ['pages.js', 'both.js'],
  turbopack: { root },
  outputFileTracingRoot: root,
}
