/** Refuses unknown options by name, and suggests the nearest known one. */
import { OptionError } from './classes.js'

/** `OptionError` for options that are not in `known`: without it a misspelt option would be ignored in silence. */
export function refuseUnknown(of: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw new OptionError(
      `${of} has no option '${name}'${near === undefined ? '.' : `; did you mean '${near}'?`} It takes ${known.join(', ')}`,
    )
  }
}

/** The one of `names` that the program probably meant by `name`: at most a third of the letters differ. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const distances = names.map(candidate => editDistance(wanted, candidate.toLowerCase()))
  const least = Math.min(...distances)
  return least <= Math.max(1, wanted.length / 3) ? names[distances.indexOf(least)] : undefined
}

/** Levenshtein's distance: how many letters must be inserted, removed or changed. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]
}
