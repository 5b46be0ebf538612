/** Options that there are not: refused by name, with the nearest that there is. */
import { OptionError } from './classes.js'

/** Refuses options that nobody reads: a misspelt one would be ignored in silence. */
export function refuseUnknown(of: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw new OptionError(
      `${of} has no option '${name}'${near === undefined ? '.' : `; did you mean '${near}'?`} It takes ${known.join(', ')}`,
    )
  }
}

/** The name of `names` that `name` was probably meant to be: at most a third of its letters differ. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const distances = names.map(candidate => editDistance(wanted, candidate.toLowerCase()))
  const least = Math.min(...distances)
  return least <= Math.max(1, wanted.length / 3) ? names[distances.indexOf(least)] : undefined
}

/** Levenshtein's distance: how many letters have to be put in, taken out or changed. */
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
