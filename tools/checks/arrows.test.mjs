// Imports between packages point one way: lab, mesh and bench -> workbench -> threadmap, lab -> governor -> threadmap, stores -> threadmap, and the library depends on nothing. Inside a
// package no imports go in a circle, and those of the library's folders point down.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { test } from 'node:test'
import { root } from '../setup.mjs'

const packages = join(root, 'packages')

/** The packages that each package may import, beside itself. A package that is not in the list may import any. */
const ALLOWED = {
  threadmap: [],
  '@threadmap/workbench': ['threadmap'],
  '@threadmap/governor': ['threadmap'],
  '@threadmap/stores': ['threadmap'],
  '@threadmap/lab': ['threadmap', '@threadmap/governor', '@threadmap/workbench'],
  '@threadmap/mesh': ['@threadmap/workbench'],
  '@threadmap/bench': ['threadmap', '@threadmap/workbench'],
}

function sourcesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(ts|js|mjs)$/.test(name))
    .map(name => join(folder, name))
}

/** The packages of ours that a source imports. */
function imported(file) {
  const specifiers = readFileSync(file, 'utf8').matchAll(
    /(?:from|import\()\s*'(threadmap|@threadmap\/[^'/]+)(?:\/[^']*)?'/g,
  )
  return [...new Set([...specifiers].map(([, name]) => name))]
}

for (const folder of readdirSync(packages)) {
  const description = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8'))
  const allowed = ALLOWED[description.name]
  if (allowed === undefined) continue
  test(`${description.name} imports only what is below it, and says so in its package.json`, () => {
    const files = sourcesIn(join(packages, folder, 'src'))
    assert.ok(files.length > 0)
    const used = new Set(files.flatMap(imported).filter(name => name !== description.name))
    assert.deepEqual(
      [...used].filter(name => !allowed.includes(name)),
      [],
    )
    const declared = Object.keys(description.dependencies ?? {}).filter(name => /^(threadmap$|@threadmap\/)/.test(name))
    assert.deepEqual(declared.sort(), [...used].sort())
    if (allowed.length === 0) assert.equal(description.dependencies, undefined)
  })
}

/** The folders of the library's src, from the lowest: a file imports from its own folder and from lower ones. */
const LAYERS = [
  ['errors'],
  ['platform'],
  ['liveness'],
  ['bridge'],
  ['codec'],
  ['maps', 'sync', 'guard', 'histogram'],
  ['cache'],
  ['dump'],
  ['.'],
]

/** The imports of each source below `folder` from other sources there, types included. */
function graphOf(folder) {
  const files = sourcesIn(folder)
  return new Map(
    files.map(file => {
      const specifiers = readFileSync(file, 'utf8').matchAll(
        /^(?:import|export)\b[^'"]*?\bfrom '(\.[^']+)'|^import '(\.[^']+)'/gm,
      )
      const targets = [...specifiers].map(([, from, bare]) => join(dirname(file), from ?? bare))
      return [file, files.filter(other => targets.includes(other.replace(/\.ts$/, '.js')))]
    }),
  )
}

/** The first circle of imports, as a path that ends where it begins; undefined if there is none. */
function circleOf(graph) {
  const done = new Set()
  const visit = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const next of graph.get(file)) {
      const circle = visit(next, [...path, file])
      if (circle !== undefined) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of graph.keys()) {
    const circle = visit(file, [])
    if (circle !== undefined) return circle.map(name => relative(packages, name))
  }
  return undefined
}

for (const folder of readdirSync(packages)) {
  test(`no imports of ${folder} go in a circle`, () => {
    const graph = graphOf(join(packages, folder, 'src'))
    assert.ok([...graph.values()].some(targets => targets.length > 0))
    assert.equal(circleOf(graph)?.join(' -> '), undefined)
  })
}

test('the folders of the library import downwards only', () => {
  const source = join(packages, 'threadmap/src')
  const folderOf = file => dirname(relative(source, file)).split(sep)[0]
  const layerOf = folder => LAYERS.findIndex(layer => layer.includes(folder))
  const upward = []
  for (const [file, targets] of graphOf(source)) {
    assert.ok(layerOf(folderOf(file)) >= 0, `${file} is in no folder that LAYERS names`)
    for (const target of targets) {
      const isDown = folderOf(file) === folderOf(target) || layerOf(folderOf(target)) < layerOf(folderOf(file))
      if (!isDown) upward.push(`${relative(source, file)} -> ${relative(source, target)}`)
    }
  }
  assert.deepEqual(upward, [])
})
