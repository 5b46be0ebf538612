// Which test files there are, and whether each of them would be run. A test file ends in `.test.ts` (`.test.mjs` in tools/) and
// is in a folder that says its kind. A file in a folder `alone/` needs all cores: the runner starts no other file beside it. One in a
// folder `long/` does so too, and takes so long that only `npm run test:long` runs it.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './setup.mjs'

const TEST = /\.test\.[cm]?[jt]s$/
/** The sample projects of users, whose own test runners run their tests. */
const USERS_PROJECTS = /^tools\/users\/(project|typescript)\//
const OUTPUT = /^(node_modules|dist|build|\..+)$/

/** @typedef {{ path: string, source: string, library: boolean, optional: boolean, alone: boolean, long: boolean, next: boolean }} TestFile */

/** Every test file: the file to run (`path`), and its source (`source`, from the root). @returns {TestFile[]} */
export function testFiles() {
  return walk('', OUTPUT)
    .filter(source => TEST.test(source) && runs(source))
    .sort()
    .map(source => ({
      path: join(root, compiledPath(source)),
      source,
      // Run on the newest Node, too: the library, and what of the governor reads clocks, memory and threads.
      library: /^packages\/(threadmap\/(?!test\/runtimes\/)|governor\/test\/(behaviour|keys|policy|shared)\/)/.test(
        source,
      ),
      // These need other runtimes, a browser, the tools of users, or peers that the workspace does without.
      optional: /^packages\/(threadmap|governor)\/test\/runtimes\/|^tools\/(users|peers)\//.test(source),
      alone: /\/(alone|long)\//.test(source),
      long: source.includes('/long/'),
      // This takes minutes and 400 MB: `npm run test:next`.
      next: source.startsWith('tools/next/'),
    }))
}

/** Test files that would be lost unnoticed, one line for each. */
export function lostTests() {
  const all = walk('', OUTPUT)
  const strays = all
    .filter(source => TEST.test(source) && !runs(source) && !USERS_PROJECTS.test(source))
    .map(source => `${source} is not run: test files are packages/NAME/test/KIND/*.test.ts and tools/checks/*.test.mjs`)
  const unnamed = all
    .filter(source => /^packages\/[^/]+\/test\/[^/]+\.ts$/.test(source))
    .map(source => `${source} is in no folder that says its kind`)
  const sources = new Set(all.filter(runs).map(compiledPath))
  const orphans = readdirSync(join(root, 'packages')).flatMap(name => {
    const compiled = `packages/${name}/build/test`
    if (!existsSync(join(root, compiled))) return []
    return walk(compiled, /^node_modules$/)
      .filter(path => TEST.test(path) && !sources.has(path))
      .map(path => `${path} was compiled from a test whose source is gone: delete it`)
  })
  return [...strays, ...unnamed, ...orphans]
}

function runs(source) {
  return /^packages\/[^/]+\/test\/.+\/[^/]+\.test\.ts$|^tools\/(checks|next|peers|users\/alone)\/[^/]+\.test\.mjs$/.test(
    source,
  )
}

function compiledPath(source) {
  return source.replace(/^(packages\/[^/]+)\/test\/(.*)\.ts$/, '$1/build/test/$2.js')
}

/** The files below a folder, as paths from the root with slashes. */
function walk(folder, skip) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (!entry.isDirectory()) return [path]
    return skip.test(entry.name) ? [] : walk(path, skip)
  })
}
