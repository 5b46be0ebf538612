/** The behaviour suite on every supported Node except the one that runs this file, which runs all tests anyway. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../run.js'
import { findNode, packageFolder } from '../runtimes.js'

// The whole suite takes minutes per version, and `npm test` has ten for everything: by default what differs between
// versions (text, numbers, instances, workers). THREADMAP_RUNTIMES=full (`npm test -- --full`) runs all of it.
const full = process.env.THREADMAP_RUNTIMES === 'full'
/** Milliseconds: ten times what the suite takes on a quiet machine. */
const LIMIT = full ? 3_000_000 : 600_000
const FILES = full
  ? /^(behaviour|property|codec)\/.*\.test\.ts$/
  : /^(behaviour\/(engine|types|attach)|codec\/(hash|numbers|values))\.test\.ts$/

const suite = readdirSync(join(packageFolder, 'test'), { recursive: true, encoding: 'utf8' })
  .map(name => name.replaceAll('\\', '/'))
  .filter(name => FILES.test(name))
  .map(name => join(packageFolder, 'build/test', name.replace(/\.ts$/, '.js')))

const ours = Number(process.versions.node.split('.')[0])

for (const major of [20, 22, 24, 26].filter(major => major !== ours)) {
  test(`Node ${major}: behaviour suite${full ? '' : ' (short)'}`, async t => {
    const node = findNode(major)
    if ('missing' in node) return t.skip(node.missing)
    assert.ok(suite.length > 0, 'no file of the behaviour suite was found')
    const version = (await run(node.path, ['--version'], LIMIT)).output.trim()
    assert.match(version, new RegExp(`^v${major}\\.`))

    const { code, signal, output } = await run(
      node.path,
      ['--test', '--test-reporter=tap', '--test-concurrency=2', ...suite],
      LIMIT,
    )
    const count = (name: string) => Number(output.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1] ?? Number.NaN)
    assert.ok(
      code === 0 && count('pass') > 0 && count('fail') === 0,
      `${signal ?? `exit code ${code}`}\n${failures(output)}`,
    )
    t.diagnostic(`${version}: ${count('pass')} passed, ${count('skipped')} skipped`)
  })
}

/** The failed tests of a TAP report with their errors, and the summary. */
function failures(tap: string): string {
  const lines = tap.split('\n')
  const wanted = lines.flatMap((line, i) => {
    if (/^# \w+ \d+$/.test(line)) return [line]
    // A test that failed only because of a subtest adds nothing.
    if (!/^\s*not ok /.test(line) || /subtestsFailed/.test(lines.slice(i, i + 8).join())) return []
    return lines.slice(i, i + 30).filter((text, j) => j === 0 || !/^\s*(not )?ok /.test(text))
  })
  return (wanted.length > 0 ? wanted : lines).slice(0, 300).join('\n')
}
