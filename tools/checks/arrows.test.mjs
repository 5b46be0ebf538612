// Imports between packages point one way: lab and bench -> workbench -> threadmap, and the library depends on nothing.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root } from '../setup.mjs'

const packages = join(root, 'packages')

/** What each package may import, beside itself. A package that is not here may import any. */
const ALLOWED = {
  threadmap: [],
  '@threadmap/workbench': ['threadmap'],
  '@threadmap/lab': ['threadmap', '@threadmap/workbench'],
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
    assert.ok(files.length > 5)
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
