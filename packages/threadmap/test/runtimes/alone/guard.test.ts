/** The guard on other versions of Node (24 and later keep contexts in another way) and on Bun. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findBun, findNode, packageFolder } from '../runtimes.js'

const program = `
  import { cases, reportsOf } from './build/test/guard/cases.js'
  const wrong = []
  for (const one of cases) {
    const kinds = [...new Set((await reportsOf(one)).map(report => report.kind))].join()
    if (kinds !== (one.finds ?? '')) wrong.push(one.name + ': ' + (kinds || 'silent'))
  }
  console.log(cases.length > 40, JSON.stringify(wrong))`

const runtimes = [
  ...[22, 24, 26].map(major => [`Node ${major}`, findNode(major)] as const),
  ['Bun', findBun()] as const,
]

for (const [name, found] of runtimes) {
  test(`${name}: the guard finds the same`, t => {
    if ('missing' in found) return t.skip(found.missing)
    const flags = name === 'Bun' ? [] : ['--input-type=module']
    const { stdout, stderr } = spawnSync(found.path, [...flags, '-e', program], {
      cwd: packageFolder,
      encoding: 'utf8',
      timeout: 300_000,
    })
    assert.equal(stdout.trim(), 'true []', stderr)
  })
}
