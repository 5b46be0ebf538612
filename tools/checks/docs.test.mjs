// Documentation: every public export has a doc comment, and no link of the comments or the guides leads nowhere.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { root } from '../setup.mjs'

const json = path => JSON.parse(readFileSync(join(root, path), 'utf8'))

test('the API reference has all entry points of the library', () => {
  const { exports } = json('packages/threadmap/package.json')
  const sources = Object.values(exports)
    .filter(entry => typeof entry === 'object')
    .map(entry => entry.default.replace(/^\.\/dist\/(.*)\.js$/, 'packages/threadmap/src/$1.ts'))
  assert.deepEqual(json('typedoc.json').entryPoints.toSorted(), sources.toSorted())
})

test('the API reference has no undocumented export and no broken link', () => {
  const typedoc = join(root, 'node_modules/typedoc/bin/typedoc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [typedoc, '--emit', 'none'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 300_000,
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      NODE_OPTIONS: undefined,
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
    },
  })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

test('no relative link of a page leads nowhere', () => {
  const broken = pages(root).flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)\s#]+)(?:#[^)\s]*)?\)/g)]
      .filter(([, link]) => !existsSync(join(dirname(page), decodeURI(link))))
      .map(([, link]) => `${relative(root, page)}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

/** The Markdown pages in a folder of the repository, and below. */
function pages(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (entry.isDirectory()) {
      return /^(node_modules|dist|build|\..*)$/.test(entry.name) ? [] : pages(join(folder, entry.name))
    }
    return entry.name.endsWith('.md') ? [join(folder, entry.name)] : []
  })
}
