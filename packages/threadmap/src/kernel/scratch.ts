import { MapFullError } from '../errors.js'
import type { KernelExports } from './instance.js'
import { R_BYTES, R_WORD } from './layout.generated.js'
import type { MapMemory } from './memory.js'

/** The scratch areas of a thread. */
export const KEY = 0
export const VALUE = 1
export const EXPECTED = 2
export const RESULT = 3
export type Area = typeof KEY | typeof VALUE | typeof EXPECTED | typeof RESULT

/** Node's and Bun's Buffer methods for Latin-1 and UTF-16 text; they work on shared memory. */
export interface TextBuffer extends Uint8Array {
  latin1Write(text: string, offset: number, length: number): number
  latin1Slice(start: number, end: number): string
  ucs2Slice(start: number, end: number): string
}

/** Typed views on some memory, and where each area begins in it. What codecs write to and read from. */
export class Window {
  u8!: Uint8Array
  u16!: Uint16Array
  i32!: Int32Array
  u32!: Uint32Array
  f64!: Float64Array
  i64!: BigInt64Array
  data!: DataView
  /** Undefined where the runtime has no such thing, or refuses shared memory. */
  text: TextBuffer | undefined
  readonly at = [0, 0, 0, 0]

  /** @internal */
  view(buffer: ArrayBufferLike): void {
    this.u8 = new Uint8Array(buffer)
    this.u16 = new Uint16Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.i64 = new BigInt64Array(buffer)
    this.data = new DataView(buffer)
    this.text = textBuffer(buffer)
  }
}

/**
 * One thread's window on the memory of a map: typed views, and where its scratch areas stand. A view does not grow with
 * the memory, and areas stay where they are, so the views are made anew only when an area moves beyond their end.
 */
export class Scratch extends Window {
  readonly memory: MapMemory
  readonly #kernel: KernelExports
  /** The size of each area. */
  readonly sizes = [0, 0, 0, 0]
  /** Where the kernel leaves a value: a word, or bytes. */
  resultWord = 0
  resultBytes = 0

  constructor(memory: MapMemory, kernel: KernelExports) {
    super()
    this.memory = memory
    this.#kernel = kernel
  }

  /** Looks up the areas that the kernel has made. */
  locate(): void {
    for (let area = 0; area < 4; area++) {
      this.at[area] = this.#kernel.areaAt(area) >>> 0
      this.sizes[area] = this.#kernel.areaSize(area) >>> 0
    }
    this.resultWord = this.at[RESULT] + R_WORD
    this.resultBytes = this.at[RESULT] + R_BYTES
    this.refresh()
  }

  refresh(): void {
    // Growing by nothing makes the buffer as long as other threads have made the memory.
    this.memory.grow(0)
    this.view(this.memory.buffer)
  }

  /**
   * Room for `size` bytes of an area (what it held is lost): they go to `at[area]` of the window that this returns, which may
   * be another one than this if they are many.
   */
  reserve(area: Area, size: number): Window {
    // Who can store a value can read it, even when the memory is full by then.
    if (area === VALUE && size + R_BYTES + 8 > this.sizes[RESULT]) this.reserve(RESULT, size + R_BYTES)
    // Whole words are written: leave room for the last one.
    const needed = size + 8
    if (needed > this.sizes[area]) {
      if (this.#kernel.resizeArea(area, Math.max(needed, this.sizes[area] * 2)) === 0) {
        if (this.#kernel.resizeArea(area, needed) === 0) {
          throw new MapFullError(
            `no ${needed} bytes left to pass a ${area === KEY ? 'key' : 'value'} of ${size} bytes between JavaScript and the map: ` +
              `the memory is at maxBytes (${this.memory.buffer.byteLength} bytes now); delete entries or create the map with a larger maxBytes`,
          )
        }
      }
      this.locate()
    }
    return this
  }
}

function textBuffer(buffer: ArrayBufferLike): TextBuffer | undefined {
  const node = (globalThis as { Buffer?: { from(buffer: ArrayBufferLike): Uint8Array } }).Buffer
  if (node === undefined) return undefined
  try {
    const text = node.from(buffer) as TextBuffer
    // Some runtimes have the class and not these methods, or not on shared memory.
    return text.buffer === buffer && text.latin1Slice(0, 4).length === 4 && text.ucs2Slice(0, 4).length === 2
      ? text
      : undefined
  } catch {
    return undefined
  }
}
