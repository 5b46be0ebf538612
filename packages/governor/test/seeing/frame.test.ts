import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frame, LEAST_COLUMNS } from '#governor/seeing/top/frame.js'
import { fitted, paint, table, width, wrapped } from '#governor/seeing/top/text.js'
import { calm, shard, trouble } from '../support/seen.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: the styles of a terminal begin with one.
const STYLE = /\u001b\[[\d;]*m/g
const plain = (line: string) => line.replaceAll(STYLE, '')

test('no line is wider than the terminal, none has control characters, and no more lines than rows', () => {
  for (const snapshot of [trouble(), calm(), calm(1), calm(4096), trouble({ backendSlow: true, enabled: false })]) {
    for (const isColoured of [true, false]) {
      for (const columns of [LEAST_COLUMNS, 40, 60, 79, 80, 100, 132, 250]) {
        for (const rows of [undefined, 5, 12, 24, 40, 100]) {
          const lines = frame(snapshot, { columns, ...(rows === undefined ? {} : { rows }) }, paint(isColoured))
          for (const line of lines) {
            const text = plain(line)
            // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
            assert.ok(!/[\u0000-\u001f\u007f-\u009f\u202e]/.test(text), JSON.stringify(text))
            assert.ok(width(text) <= columns, `${width(text)} of ${columns}: ${text}`)
            if (!isColoured) assert.equal(line, text)
          }
          if (rows !== undefined) assert.ok(lines.length <= rows, `${lines.length} of ${rows}`)
        }
      }
    }
  }
})

test('a terminal of 80 x 24 shows all that matters', () => {
  const lines = frame(trouble(), { columns: 80, rows: 23 }, paint(true)).map(plain)
  const text = lines.join('\n')
  for (const wanted of [
    /^4 of 64 shards need attention: shard 40 is degraded/,
    /P99 48 ms of 50 ms/,
    /40 {2}degraded +912 ms +812 ms/,
    /17 {2}isolated/,
    /user:4711 +17 +41% +93%/,
    /12:0\d:\d\d {2}Shard 40: normal → degraded/,
  ]) {
    assert.match(text.replace(/\d\d:(\d\d):(\d\d) {2}Shard/g, '12:$1:$2  Shard'), wanted)
  }
})

test('the heat map has a place for each shard: levels, hot ones, idle ones', () => {
  const [, first, second] = frame(trouble(), { columns: 100 }, paint(false)).slice(5)
  assert.match(first, /^ 0 /)
  assert.match(second, /^32 /)
  const cells = [first, second].flatMap(line => line.slice(3).padEnd(96).match(/.../g) ?? [])
  assert.equal(cells.length, 64)
  assert.equal(cells[17], '@2 ')
  assert.equal(cells[40], '@3 ')
  assert.match(cells[41], /^[#%@]! $/)
  assert.match(cells[9], /^\.1 $/)
  assert.equal(cells[63], '   ', 'no load')
  assert.equal(cells[5], '.  ')
})

test('where the terminal is narrow the less needed columns go, and keys are cut', () => {
  const headings = (columns: number) =>
    frame(trouble(), { columns }, paint(false))
      .find(line => /^ +shard +level/.test(line))
      ?.trim()
      .split(/ {2,}/)
  assert.deepEqual(headings(200), [
    'shard',
    'level',
    'P99 10 s',
    '1 min',
    '5 min',
    'of all',
    'rate',
    'errors',
    'flying',
    'refused',
    'rerouted',
    'copies',
    'why',
  ])
  assert.deepEqual(headings(40), ['shard', 'level', 'P99 10 s', 'rate'])
  const keys = frame(trouble(), { columns: 40 }, paint(false)).filter(line => line.includes('…'))
  assert.ok(
    keys.some(line => line.startsWith('  </script><script>')),
    keys.join('\n'),
  )
})

test('text is measured in columns, not characters', () => {
  assert.deepEqual(['abc', '東京', 'e\u0301', '👍', '👩‍👩‍👧', '❤️', 'ｗ', ''].map(width), [3, 4, 1, 2, 2, 2, 2, 0])
  assert.equal(fitted('東京都庁', 5), '東京…')
  assert.equal(fitted('abc', 3), 'abc')
  assert.equal(fitted('abcd', 3), 'ab…')
  assert.equal(fitted('abc', 0), '')
  assert.deepEqual(wrapped('one two three', 7), ['one two', 'three'])
  const rows = table(
    [
      { heading: 'key', isText: true, cell: ({ shard }) => `鍵${shard}` },
      { heading: 'n', cell: () => '1' },
    ],
    [shard(1), shard(22)],
    40,
    paint(false),
  )
  assert.deepEqual(rows, ['  key   n', '  鍵1   1', '  鍵22  1'])
})
