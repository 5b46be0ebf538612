import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Evidence, SubjectError } from '@threadmap/lab'
import { MAP_KINDS, SAFE_KINDS } from '@threadmap/workbench/subjects/maps'
import { countReference, readCorpus } from '#lab/wordcount/corpus.js'
import { checkCounts } from '#lab/wordcount/trial.js'
import { folder, prose, threadmap } from '../../support/command.js'

test('every map counts a small text right, and one is recommended', async t => {
  const root = folder(t, { 'a.md': prose(30_000), 'b/c.ts': prose(10_000) })
  const { code, stdout, stderr } = await threadmap(['wordcount', '--corpus', root, '--workers', '2', '--rounds', '2'])
  assert.equal(code, 0, stderr)
  for (const name of [...MAP_KINDS, 'plain Map, one thread', 'plain Map each, merged', 'plain Map, by messages']) {
    assert.match(stdout, new RegExp(`^ +${name} .*[0-9.]+x`, 'm'))
  }
  assert.match(stdout, /40,000 words/)
  assert.match(stdout, new RegExp(`Which map for this job: (${SAFE_KINDS.join('|')})`))
  assert.match(stdout, /merged at the end/)
  for (const control of ['\u001b', '\r']) assert.ok(!(stdout + stderr).includes(control), 'a pipe gets plain lines')
  assert.match(stderr, /^round 1 of 2 done, all counts right/m)
})

test('--json FILE holds the figures behind the table', async t => {
  const root = folder(t, { 'a.md': prose(5000) })
  const file = join(folder(t), 'wordcount.json')
  const args = ['--corpus', root, '--workers', '3', '--rounds', '1', '--maps', 'fastmap,SyncMap', '--json', file]
  const { code, stderr, stdout } = await threadmap(['wordcount', ...args])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /FastMap/)
  const json = JSON.parse(readFileSync(file, 'utf8'))
  assert.equal(json.words, 5000)
  assert.equal(json.corpus.files, 1)
  assert.ok(json.machine.cores >= 1)
  assert.ok(json.ranking.use.length >= 1)
  const speeds = (json.evidence as Evidence[]).filter(({ metric }) => metric === 'speed')
  assert.deepEqual(
    speeds.filter(({ subject }) => subject.endsWith('Map')).map(({ subject, workers }) => [subject, workers]),
    [
      ['SyncMap', 3],
      ['FastMap', 3],
    ],
  )
  for (const row of json.evidence as Evidence[]) assert.ok(Number.isFinite(row.value), JSON.stringify(row))
})

test('--json alone gives nothing but JSON on standard output', async t => {
  const root = folder(t, { 'a.md': prose(2000) })
  const { code, stdout } = await threadmap([
    'wordcount',
    '--corpus',
    root,
    '--rounds',
    '1',
    '--maps',
    'UnsafeMap',
    '--json',
  ])
  assert.equal(code, 0)
  assert.equal(JSON.parse(stdout).experiment, 'wordcount')
})

test('more workers than pieces of text', async t => {
  const root = folder(t, { 'a.md': 'so few words' })
  const { code, stdout, stderr } = await threadmap(['wordcount', '--corpus', root, '--workers', '8', '--rounds', '1'])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /3 words, 3 distinct/)
})

test('without --corpus the nearest node_modules is counted', async t => {
  const root = folder(t, { 'node_modules/a/index.js': prose(1000), 'node_modules/a/b.txt': 'no', 'src/x.ts': 'no' })
  const { code, stdout, stderr } = await threadmap(['wordcount', '--rounds', '1', '--maps', 'FastMap'], {
    cwd: join(root, 'src'),
  })
  assert.equal(code, 0, stderr)
  assert.match(stdout, /in 1 file below .*node_modules/)
})

test('what cannot be done is refused in one line that says what to do, with code 2, and nothing is written', async t => {
  const good = folder(t, { 'a.md': 'words' })
  const binary = folder(t, { 'a.bin': new Uint8Array(1000), 'b.png': new Uint8Array([137, 80, 78, 71, 0]) })
  const output = folder(t)
  const cases: [string[], RegExp][] = [
    [['--corpus', folder(t)], /no files below .*; give a folder of text with --corpus DIR/],
    [['--corpus', binary], /no text in its 2 files \(2 binary.*--corpus DIR/],
    [['--corpus', folder(t, { 'a.md': ' ..., \n' })], /holds no words.*--corpus DIR/],
    [['--corpus', join(good, 'missing')], /cannot read .*missing \(ENOENT\); give a readable folder/],
    [['--corpus', join(good, 'a.md')], /is not a folder/],
    [['--corpus', good, '--workers', '0'], /workers from 1 to 64/],
    [['--corpus', good, '--workers', '65'], /workers from 1 to 64/],
    [['--corpus', good, '--workers', 'two'], /workers from 1 to 64/],
    [['--corpus', good, '--rounds', '1.5'], /rounds from 1 to 100/],
    [['--corpus', good, '--max-bytes', '9GB'], /size like 500k/],
    [['--corpus', good, '--max-bytes', '2'], /not one word fits/],
    [['--corpus', good, '--maps', 'FastMap,HashMap'], /no map "hashmap"; choose from UnsafeMap/],
    [['--corpus', good, '--json', join(good, 'missing', 'x.json')], /cannot write .*x\.json \(ENOENT\)/],
    [['--corpus', good, '--json', good], /it is a folder; give --json a file/],
    [['--wrokers', '2'], /unknown option '--wrokers' \(Did you mean --workers\?\)/],
    [['twice'], /too many arguments/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await threadmap(['wordcount', '--json', join(output, 'out.json'), ...args])
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, message)
    assert.match(stderr, /^error: [^\n]+\n$/, 'one line')
    assert.equal(stdout, '')
  }
  assert.deepEqual(readdirSync(output), [])
})

test('the command explains itself', async () => {
  const top = await threadmap(['--help'])
  assert.equal(top.code, 0)
  assert.match(top.stdout, /wordcount .*count the words of real text/)
  const wordcount = await threadmap(['wordcount', '--help'])
  assert.equal(wordcount.code, 0)
  for (const flag of ['corpus', 'workers', 'rounds', 'max-bytes', 'json', 'maps']) {
    assert.match(wordcount.stdout, new RegExp(`--${flag}\\b`))
  }
  assert.equal((await threadmap([])).code, 2)
  assert.equal((await threadmap(['wordcuont'])).code, 2)
})

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} stops the workers and ends with ${expected}, and nothing is written`, async t => {
    const root = folder(t, { 'a.md': prose(300_000) })
    const file = join(folder(t), 'out.json')
    let sent = false
    const args = ['wordcount', '--corpus', root, '--rounds', '100', '--json', file]
    const { code, stdout, stderr } = await threadmap(args, {
      onOutput(_, kill) {
        if (!sent) setTimeout(() => kill(signal), 1500)
        sent = true
      },
    })
    assert.equal(code, expected, stderr)
    assert.match(stderr, /interrupted/)
    assert.doesNotMatch(stdout, /Which map/)
    assert.equal(existsSync(file), false)
  })
}

test('a wrong, a missing and an extra count are all noticed', async t => {
  const reference = await countReference(
    readCorpus(folder(t, { 'a.md': 'a b b' }), { sourceOnly: false, maxBytes: 1000 }),
  )
  const subject = { name: 'FastMap', way: 'shared', workers: 2 } as const
  checkCounts(
    subject,
    new Map([
      ['b', 2],
      ['a', 1],
    ]),
    reference,
  )
  for (const wrong of [
    [
      ['a', 1],
      ['b', 1],
    ],
    [['a', 1]],
    [
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ],
  ] as [string, number][][]) {
    assert.throws(() => checkCounts(subject, new Map(wrong), reference), SubjectError)
  }
})
