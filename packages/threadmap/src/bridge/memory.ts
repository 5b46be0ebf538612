/**
 * A shared `WebAssembly.Memory`, as far as threads pass it around. Named here because projects without the DOM's types have
 * no `WebAssembly` namespace.
 */
export interface MapMemory {
  /** The memory as it is now; another object once it has grown. */
  readonly buffer: ArrayBufferLike
  /** Makes the memory longer by `pages` of 64 KiB, and returns how many it had. */
  grow(pages: number): number
}
