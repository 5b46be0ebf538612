/**
 * A word is a run of Unicode letters, marks, digits and underscores, case kept, of at most `MAX_WORD_LENGTH` units. This file
 * has the rule twice: every subject runs `eachWord`; the reference count uses `WORD`, the plain statement of the rule, so that one
 * checks the other.
 */
export const WORD = /[\p{L}\p{M}\p{N}_]+/gu

/** In UTF-16 units. Longer runs are data in a source file (base64, hashes), not words. */
export const MAX_WORD_LENGTH = 256

const ONE = /^[\p{L}\p{M}\p{N}_]$/u

/** For each UTF-16 unit of the basic plane: 1 part of a word, 2 not part of a word, 0 not looked up yet. */
const classes = new Uint8Array(0x10000)
for (let unit = 0; unit < 128; unit++) classes[unit] = ONE.test(String.fromCharCode(unit)) ? 1 : 2

/** The number of units at `at` that make up one character of a word: 0 (no such character), 1 or 2. For characters beyond ASCII. */
function wordUnits(text: string, at: number): number {
  const point = text.codePointAt(at) as number
  if (point > 0xffff) return ONE.test(String.fromCodePoint(point)) ? 2 : 0
  if (classes[point] === 0) classes[point] = ONE.test(String.fromCharCode(point)) ? 1 : 2
  return classes[point] === 1 ? 1 : 0
}

/**
 * Calls `visit` with each word of `text`, and returns the number of words. Each word is a new string (`slice`), as from any
 * parser: a map that stores it has to hash it first.
 */
export function eachWord(text: string, visit: (word: string) => void): number {
  const end = text.length
  let words = 0
  let at = 0
  while (at < end) {
    const start = at
    while (at < end) {
      const unit = text.charCodeAt(at)
      if (unit < 128) {
        if (classes[unit] !== 1) break
        at++
      } else {
        const units = wordUnits(text, at)
        if (units === 0) break
        at += units
      }
    }
    if (at === start) {
      at++
    } else if (at - start <= MAX_WORD_LENGTH) {
      visit(text.slice(start, at))
      words++
    }
  }
  return words
}
