import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXPERIMENTS, FOLKLORE, RunFolder, readDocument, UsageError } from '@threadmap/lab'
import { requireMemory } from '#lab/lab/command.js'
import { folder, threadmap } from '../support/command.js'

test('an experiment is run, shown, and kept whole', async t => {
  const out = join(folder(t), 'deep', 'run')
  const { code, stdout, stderr } = await threadmap(['lab', 'sharing', '--quick', '--out', out])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /the same line +[\d.]+ +[\d.]+/)
  assert.match(stderr, /^sharing finished/m)
  const run = readDocument(out)
  assert.deepEqual(
    run.experiments.map(({ name, status }) => [name, status]),
    [['sharing', 'finished']],
  )
  const again = await threadmap(['lab', 'sharing', '--quick', '--out', out, '--resume', '--json'])
  assert.equal(again.code, 0, again.stderr)
  assert.equal(JSON.parse(again.stdout).id, run.id, 'what is finished is not measured again')
  await threadmap(['lab', 'sharing', '--quick', '--out', out])
  assert.equal(readDocument(join(out, 'previous.json')).id, run.id, 'the run before is kept for comparison')
  assert.notEqual(readDocument(out).id, run.id)
})

test('Ctrl-C keeps what is finished, and --resume goes on', async t => {
  const out = folder(t)
  const args = ['lab', 'sharing', 'backoff', '--quick', '--out', out]
  const stopped = await threadmap(args, {
    onOutput: (stdout, kill) => {
      if (stdout.includes('(sharing,')) kill('SIGINT')
    },
  })
  assert.equal(stopped.code, 130, stopped.stderr)
  assert.match(
    stopped.stderr,
    /^error: interrupted: the workers are stopped; kept in .*run\.json: sharing; continue with --resume$/m,
  )
  // Without their names: the run knows what it was asked for.
  const resumed = await threadmap(['lab', '--quick', '--out', out, '--resume'])
  assert.equal(resumed.code, 0, resumed.stderr)
  assert.deepEqual(
    readDocument(out).experiments.map(({ name }) => name),
    ['sharing', 'backoff'],
  )
})

test('a folder that another lab writes to is refused before anything is measured', async t => {
  const out = folder(t)
  const other = new RunFolder(out)
  other.prepare()
  const refused = await threadmap(['lab', 'sharing', '--quick', '--out', out])
  assert.equal(refused.code, 2, refused.stderr)
  assert.match(refused.stderr, new RegExp(`^error: the lab of process ${process.pid} is writing to .*--out DIR\n$`))
  other.release()
})

test('start takes the folder of text that it asks for', async t => {
  const cwd = folder(t, { 'empty/nothing.txt': '   ' })
  const without = await threadmap(['start', '--out', join(cwd, 'run')], { cwd })
  assert.equal(without.code, 2)
  assert.match(without.stderr, /no node_modules here or above; .*--corpus DIR/)
  const given = await threadmap(['start', '--corpus', join(cwd, 'empty'), '--out', join(cwd, 'run')], { cwd })
  assert.match(given.stderr, /holds no words|no text/)
})

test('more workers than there is memory for are refused before any is started', () => {
  requireMemory(4, 200e6)
  assert.throws(
    () => requireMemory(240, 2e9),
    error =>
      error instanceof UsageError &&
      error.message === '240 workers need about 9600 MB, and 2000 MB are free; give at most --workers 50',
  )
  assert.throws(() => requireMemory(1, 10e6), /not enough for one worker$/)
})

test('what cannot be done is refused in one line, with code 2, and nothing is written', async t => {
  const root = folder(t, { 'file.txt': '', 'broken/run.json': '{"format": ', 'foreign/run.json': '{}' })
  writeFileSync(join(root, 'old.json'), '{"format":"threadmap-lab","version":0}')
  const out = join(root, 'out')
  const cases: [string[], RegExp][] = [
    [['nope'], /there is no experiment "nope"; choose from .*sharing/],
    [['--workers', '0'], /workers from 1 to 240/],
    [['--workers', 'two'], /workers from 1 to 240/],
    [['sharing', '--out', join(root, 'file.txt', 'x')], /cannot write to .*ENOTDIR.*--out DIR/],
    [['sharing', '--out', join(root, 'file.txt')], /cannot write to .*ENOTDIR.*--out DIR/],
    [['sharing', '--out', '/proc/nothing'], /cannot write to .*--out DIR/],
    [['sharing', '--json', join(root, 'missing', 'x.json')], /cannot write .*ENOENT.*writable folder/],
    [['sharing', '--resume', '--out', join(root, 'none')], /cannot read .*none \(ENOENT\); run "threadmap lab"/],
    [['sharing', '--resume', '--out', join(root, 'broken')], /is not JSON/],
    [['sharing', '--resume', '--out', join(root, 'foreign')], /is no run of the lab/],
    [['hash', '--hash-keys', join(root, 'none.txt')], /cannot read the keys of .*one key a line/],
    [['hash', '--hash-keys', join(root, 'file.txt')], /holds 0 keys/],
    [['--no-such-flag'], /unknown option/],
  ]
  const refuse = async ([args, expected]: [string[], RegExp]) => {
    const { code, stdout, stderr } = await threadmap(['lab', '--out', out, ...args])
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, expected)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  }
  await Promise.all(cases.map(refuse))
  assert.ok(!existsSync(out))
  assert.throws(() => readDocument(join(root, 'old.json')), UsageError)
})

test('every experiment has a name of its own, and beliefs are numbered from 1', () => {
  const names = EXPERIMENTS.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.deepEqual(
    FOLKLORE.map(({ id }) => id),
    FOLKLORE.map((_, at) => at + 1),
  )
})
