/**
 * An end for what a whole memory cannot have: a trap, which JavaScript turns into `DamagedMemoryError`. Lists are no longer
 * than there are pages, a table has room when something is put into it, and a validated read fails only when another thread
 * changed the shard meanwhile.
 */

/**
 * The most tries of one validated read. A failed try means that another thread changed the shard within the 50 ns of the try; a million
 * in a row mean that the shard contradicts itself. They take about 0.1 s.
 */
export const MOST_TRIES: u32 = 1 << 20

/** The memory contradicts itself. Does not return. */
export function damaged(): void {
  unreachable()
}
