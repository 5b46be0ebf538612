/** Keys as people may see them. */

/**
 * The text with an escape for each character that has no shape, or that turns the direction of what follows: a key must not look
 * like another key, move the cursor of a terminal, or turn the rest of a line around.
 */
export function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    found => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
