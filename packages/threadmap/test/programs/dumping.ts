/** A process that dumps a map to a file again and again, each time with other values, until it is killed. */
import { FastMap, f64 } from 'threadmap'
import { dump } from 'threadmap/dump'

/** How many entries each dump has. All of one dump have the same value. */
export const ENTRIES = 60_000

const path = process.argv[2]
if (path !== undefined) {
  const map = new FastMap({ key: f64, value: f64 })
  for (let round = 1; ; round++) {
    for (let i = 0; i < ENTRIES; i++) map.set(i, round)
    await dump(map, path)
    // To the parent: this dump is on the disk.
    process.stdout.write(`${round}\n`)
  }
}
