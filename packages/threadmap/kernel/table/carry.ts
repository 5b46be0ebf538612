/**
 * What is too large for a scratch area stays in a private buffer of this thread's and passes through the area in pieces. The kernel
 * asks for each where it needs it: so neither a read nor a comparison takes shared memory, whatever its size. JavaScript
 * has made the buffer long enough before, and nothing in these two can fail.
 */

/** Copies `length` bytes from `offset` on of what was written for an area to the beginning of the area. */
export declare function pull(area: u32, offset: u32, length: u32): void

/**
 * Copies `length` bytes from the address `from` on to `offset` of the private window for results. The copy is made by ordinary loads: where
 * writers may change these bytes meanwhile, `fence` has to come before the look that says whether they did.
 */
export declare function push(from: u32, offset: u32, length: u32): void
