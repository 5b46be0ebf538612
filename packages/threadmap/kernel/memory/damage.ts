/**
 * An end for what a whole memory cannot have: a trap, which JavaScript turns into `DamagedMemoryError`. Lists are no longer
 * than there are pages, a table has room when something is put into it, and a validated read fails only when another thread
 * changed the shard meanwhile.
 */

/**
 * Tries of one validated read. Each failed one means that another thread changed the shard in the 50 ns that it took; a
 * million of them on end, that the shard contradicts itself. About 0.1 s.
 */
export const MOST_TRIES: u32 = 1 << 20

/** The memory contradicts itself. Does not return. */
export function damaged(): void {
  unreachable()
}
