/**
 * What is too large for a scratch area stays in a private buffer of this thread's. The kernel asks for each part of it where it needs the part, and
 * has it brought there: so neither a read nor a comparison takes shared memory, whatever its size. JavaScript has made the buffer long enough
 * before, and nothing in these two can fail.
 */

/**
 * Copies `length` bytes from `offset` on of what was written for an area to the address `to`. Ordinary stores make the copy: nobody may trust what is there
 * before a later store of this thread publishes it.
 */
export declare function pull(area: u32, offset: u32, length: u32, to: u32): void

/**
 * Copies `length` bytes from the address `from` on to `offset` of the private window for results. The copy is made by ordinary loads: where
 * writers may change these bytes meanwhile, `fence` has to come before the look that says whether they did.
 */
export declare function push(from: u32, offset: u32, length: u32): void
