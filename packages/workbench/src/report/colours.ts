/** A subject keeps its colour through the whole report. The numbers are those of the variables `--s1` ... in the style. */
const KNOWN: Readonly<Record<string, number>> = {
  FastMap: 1,
  ShardedMap: 2,
  RWMutexMap: 3,
  SyncMap: 4,
  UnsafeMap: 5,
  'plain Map per thread': 6,
  'plain Map': 6,
  'message passing': 7,
}
export const COLOURS = 10

/** Colours for the series of one chart: known names have their colours, the others get the remaining ones, in order. */
export function coloursFor(names: readonly string[]): number[] {
  const taken = new Set(names.flatMap(name => (KNOWN[name] === undefined ? [] : [KNOWN[name]])))
  const free = [1, 2, 3, 4, 5, 9, 7, 8, 10, 6].filter(colour => !taken.has(colour))
  let next = 0
  return names.map(name => KNOWN[name] ?? (free.length === 0 ? (next++ % COLOURS) + 1 : free[next++ % free.length]))
}
