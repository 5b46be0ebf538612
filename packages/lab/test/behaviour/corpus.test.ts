import assert from 'node:assert/strict'
import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { UsageError } from '@threadmap/lab'
import { countReference, nearestNodeModules, readCorpus } from '#lab/wordcount/corpus.js'
import { folder, prose } from '../support/command.js'

const everything = { sourceOnly: false, maxBytes: 1_000_000 }

function textOf({ text }: { text: SharedArrayBuffer }): string {
  return Buffer.from(text).toString()
}

test('files are read in the order of their paths, a newline after each', t => {
  const root = folder(t, { 'b.md': 'two', 'a.md': 'one', 'c/d.md': 'three' })
  const corpus = readCorpus(root, everything)
  assert.equal(textOf(corpus), 'one\ntwo\nthree\n')
  assert.equal(corpus.files, 3)
  assert.equal(corpus.bounded, false)
})

test('symbolic links and hidden folders are not followed', t => {
  const root = folder(t, { 'a.md': 'one', '.git/config.md': 'hidden' })
  symlinkSync(root, join(root, 'link'))
  symlinkSync(join(root, 'a.md'), join(root, 'b.md'))
  assert.equal(textOf(readCorpus(root, everything)), 'one\n')
})

test('what is not text is left out and counted', t => {
  const root = folder(t, {
    'a.md': 'text with a stray \u001b[1m escape',
    'b.bin': new Uint8Array([80, 75, 3, 4, 0, 0]),
    'c.js': `const program = '${'ab\u0001\u0002'.repeat(100)}'`,
  })
  const corpus = readCorpus(root, everything)
  assert.equal(corpus.files, 1)
  assert.equal(corpus.skipped.binary, 2)
})

test('below node_modules only .md, .js and .ts count', t => {
  const root = folder(t, { 'a.md': 'a', 'b.js': 'b', 'c.ts': 'c', 'd.d.ts': 'd', 'e.json': 'e', 'f.mjs': 'f' })
  assert.equal(textOf(readCorpus(root, { ...everything, sourceOnly: true })), 'a\nb\nc\nd\n')
})

test('the bound on bytes cuts between words', t => {
  const root = folder(t, { 'a.md': 'alpha beta', 'b.md': 'gamma delta', 'c.md': 'epsilon' })
  const texts = [11, 16, 17, 24].map(maxBytes => textOf(readCorpus(root, { sourceOnly: false, maxBytes })))
  assert.deepEqual(texts, ['alpha beta\n', 'alpha beta\n', 'alpha beta\ngamma \n', 'alpha beta\ngamma delta\n'])
  assert.equal(readCorpus(root, { sourceOnly: false, maxBytes: 24 }).bounded, true)
  assert.throws(() => readCorpus(root, { sourceOnly: false, maxBytes: 3 }), UsageError)
})

test('no chunk ends within a word, and all chunks together are the text', t => {
  const root = folder(t, { 'a.md': prose(20_000), 'b.md': 'x'.repeat(50_000), 'c.md': prose(500) })
  const { text, cuts } = readCorpus(root, everything)
  const bytes = Buffer.from(text)
  assert.ok(cuts.length > 50)
  assert.equal(cuts[0], 0)
  assert.equal(cuts[cuts.length - 1], bytes.length)
  for (let at = 1; at < cuts.length; at++) {
    assert.ok(cuts[at] > cuts[at - 1])
    assert.match(String.fromCharCode(bytes[cuts[at] - 1]), /\s/)
  }
})

test('the reference counts by the rule', async t => {
  const root = folder(t, { 'a.md': 'the cat and the hat', 'b.md': `The_1 ${'y'.repeat(300)} cat` })
  const { counts, words } = await countReference(readCorpus(root, everything))
  assert.equal(words, 7)
  assert.deepEqual(Object.fromEntries(counts), { the: 2, cat: 2, and: 1, hat: 1, The_1: 1 })
})

test('a file that may not be read is counted as such', { skip: process.getuid?.() === 0 && 'root may read all' }, t => {
  const root = folder(t, { 'a.md': 'a', 'b.md': 'b' })
  chmodSync(join(root, 'b.md'), 0)
  assert.equal(readCorpus(root, everything).skipped.unreadable, 1)
})

test('the nearest node_modules is looked for upwards', t => {
  const root = folder(t, { 'node_modules/a/index.js': 'a', 'src/deep/x.ts': 'x' })
  assert.equal(nearestNodeModules(join(root, 'src', 'deep')), join(root, 'node_modules'))
})
