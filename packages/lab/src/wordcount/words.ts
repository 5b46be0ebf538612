/**
 * What a word is: a run of Unicode letters, marks, digits and underscores, case kept, as long as it is no longer than
 * `MAX_WORD_LENGTH`. The same rule stands twice: `eachWord` is what every subject runs, `WORD` is the plain statement
 * of it, which the reference count uses, so that one checks the other.
 */
export const WORD = /[\p{L}\p{M}\p{N}_]+/gu

/** In UTF-16 units. Longer runs are data that somebody embedded in a source file (base64, hashes), not words. */
export const MAX_WORD_LENGTH = 256

const ONE = /^[\p{L}\p{M}\p{N}_]$/u

/** For each UTF-16 unit of the basic plane: 1 part of a word, 2 not, 0 not looked up yet. */
const classes = new Uint8Array(0x10000)
for (let unit = 0; unit < 128; unit++) classes[unit] = ONE.test(String.fromCharCode(unit)) ? 1 : 2

/** How many units at `at` make up one character of a word: 0 (none do), 1 or 2. For what is not ASCII. */
function wordUnits(text: string, at: number): number {
  const point = text.codePointAt(at) as number
  if (point > 0xffff) return ONE.test(String.fromCodePoint(point)) ? 2 : 0
  if (classes[point] === 0) classes[point] = ONE.test(String.fromCharCode(point)) ? 1 : 2
  return classes[point] === 1 ? 1 : 0
}

/**
 * Calls `visit` with each word of `text`, and returns how many there were. Each word is a string made just now
 * (`slice`), as words come from any parser: whatever keeps it has to hash it first.
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
