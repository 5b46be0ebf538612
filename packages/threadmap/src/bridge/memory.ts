/**
 * A shared `WebAssembly.Memory`, with the members that this library uses. It is declared here because projects without the
 * DOM's types have no `WebAssembly` namespace.
 */
export interface MapMemory {
  /** The bytes of the memory. After growth this is another object. */
  readonly buffer: ArrayBufferLike
  /** Makes the memory longer by `pages` of 64 KiB, and returns how many pages it had. */
  grow(pages: number): number
}
