import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eachWord, MAX_WORD_LENGTH, WORD } from '#lab/wordcount/words.js'

function wordsOf(text: string): string[] {
  const words: string[] = []
  const returned = eachWord(text, word => words.push(word))
  assert.equal(returned, words.length)
  return words
}

test('words are runs of letters, marks, digits and underscores of any script', () => {
  assert.deepEqual(wordsOf("it's snake_case2, don't-stop; a.b(c)"), [
    'it',
    's',
    'snake_case2',
    'don',
    't',
    'stop',
    'a',
    'b',
    'c',
  ])
  assert.deepEqual(wordsOf('naïve Größe «слово» 数え上げる e\u0301te\u0301'), [
    'naïve',
    'Größe',
    'слово',
    '数え上げる',
    'e\u0301te\u0301',
  ])
  assert.deepEqual(wordsOf('𝔘nicode 😀 x😀y \ud835 \udd18'), ['𝔘nicode', 'x', 'y'])
  assert.deepEqual(wordsOf('constructor __proto__ 0'), ['constructor', '__proto__', '0'])
  assert.deepEqual(wordsOf(''), [])
  assert.deepEqual(wordsOf(' .,; \n'), [])
})

test('runs too long to be words are passed over', () => {
  const longest = 'x'.repeat(MAX_WORD_LENGTH)
  assert.deepEqual(wordsOf(`a ${longest} ${longest}x b`), ['a', longest, 'b'])
})

test('the scanner finds what the rule as a regular expression finds, in random text of many scripts', () => {
  const seed = 20261123
  let state = seed
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const ranges = [
    [0x20, 0x7f],
    [0x80, 0x24f],
    [0x300, 0x36f],
    [0x400, 0x4ff],
    [0x4e00, 0x4eff],
    [0x1d400, 0x1d4ff],
    [0x1f600, 0x1f64f],
  ]
  for (let round = 0; round < 200; round++) {
    let text = ''
    for (let length = random(200); length > 0; length--) {
      const [from, to] = ranges[random(ranges.length)]
      text += random(4) === 0 ? ' ' : String.fromCodePoint(from + random(to - from))
    }
    assert.deepEqual(wordsOf(text), text.match(WORD) ?? [], `seed ${seed}, round ${round}: ${JSON.stringify(text)}`)
  }
})
