// Makes dist/web: the library for a page that loads it without a bundler. Such a page, and a worker of it, cannot resolve
// `#platform`; so the modules that lead there are written once more, with the browser's file by its address. All others
// are used where they are.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const PLATFORM = 'platform/browser.js'
const SPECIFIER = /((?:from|import) ')(\.[^']+|#platform)(')/g

/** What each module imports, by its path below dist. @type {Map<string, string[]>} */
const graph = new Map()
/** Imported by its path, or as `#platform`. */
const resolve = (module, specifier) =>
  specifier === '#platform' ? PLATFORM : posix.join(posix.dirname(module), specifier)

function read(module) {
  if (graph.has(module)) return
  const source = readFileSync(join(dist, module), 'utf8')
  const imports = [...source.matchAll(SPECIFIER)].map(([, , specifier]) => specifier)
  graph.set(
    module,
    imports.map(specifier => resolve(module, specifier)),
  )
  for (const next of graph.get(module)) read(next)
}

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.values(exports).flatMap(({ default: path }) => path?.slice('./dist/'.length) ?? [])
for (const entry of entries) read(entry)

/** The entries, and whatever leads to the platform. */
const copied = new Set(entries)
for (let before = -1; before !== copied.size; ) {
  before = copied.size
  for (const [module, imports] of graph) {
    if (imports.some(next => next === PLATFORM || copied.has(next))) copied.add(module)
  }
}

rmSync(join(dist, 'web'), { recursive: true, force: true })
for (const module of copied) {
  const file = join(dist, 'web', module)
  const source = readFileSync(join(dist, module), 'utf8').replace(SPECIFIER, (_, before, specifier, after) => {
    const target = resolve(module, specifier)
    const from = posix.join('web', posix.dirname(module))
    const path = posix.relative(from, copied.has(target) ? posix.join('web', target) : target)
    return `${before}${path.startsWith('.') ? path : `./${path}`}${after}`
  })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, source)
}
