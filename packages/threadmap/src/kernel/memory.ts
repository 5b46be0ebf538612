/**
 * A shared `WebAssembly.Memory`, as far as threads pass it around. Named here because projects without the DOM's types have
 * no `WebAssembly` namespace.
 */
export interface MapMemory {
  readonly buffer: ArrayBufferLike
  grow(pages: number): number
}
