import type { KernelExports } from './exports.js'
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'

/** The scratch areas of a thread. */
export const KEY = L.AREA_KEY
export const VALUE = L.AREA_VALUE
export const EXPECTED = L.AREA_EXPECTED
export const RESULT = L.AREA_RESULT
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

/** What is longer than its area stands in a private buffer and passes through the area in pieces (kernel/table/carry.ts). */
export interface Carrier {
  pull(area: Area, offset: number, length: number): void
  push(offset: number, length: number): void
}

/** Private windows are at least this long, and those that are longer than the other do not stay. */
const SMALLEST_WINDOW = 16 * 1024
const LARGEST_KEPT = 1024 * 1024
/** Whole words are written. */
const WORD = 8

/**
 * One thread's window on the memory of a map: typed views, and where its scratch areas stand. The areas are small and
 * stay where they are; a value that is larger than its area has a window of its own, in memory that no other thread sees.
 */
export class Scratch extends Window implements Carrier {
  readonly memory: MapMemory
  readonly #kernel: () => KernelExports
  /** How many bytes of an area may be written, or of the result area read, without another window. */
  readonly sizes: readonly number[] = [L.WHOLE_KEY, L.WHOLE_VALUE, L.WHOLE_VALUE, L.WHOLE_VALUE]
  readonly #windows: (Window | undefined)[] = [undefined, undefined, undefined, undefined]
  /** Whether there is a window that is too large to stay. */
  isLarge = false
  /** Where the kernel leaves a value: a word, or bytes. */
  resultWord = 0
  resultBytes = 0

  constructor(memory: MapMemory, kernel: () => KernelExports) {
    super()
    this.memory = memory
    this.#kernel = kernel
  }

  /** Looks up the areas that the kernel has made. */
  locate(): void {
    for (let area = 0; area < this.at.length; area++) this.at[area] = this.#kernel().areaAt(area) >>> 0
    this.resultWord = this.at[RESULT] + L.R_WORD
    this.resultBytes = this.at[RESULT] + L.R_BYTES
    this.refresh()
  }

  /** Makes the views as long as other threads have made the memory. */
  refresh(): void {
    const seen = new Uint32Array(this.memory.buffer, L.H_PAGES_SEEN, 1)[0] * L.PAGE
    // Growing by nothing makes the buffer know. V8 looks at every shared memory of this thread then, so only if need be.
    if (seen > this.memory.buffer.byteLength) this.memory.grow(0)
    this.view(this.memory.buffer)
  }

  /**
   * Room for `size` bytes of an area (what it held is lost): they go to `at[area]` of the window that this returns, which is a
   * private one if they are many.
   */
  reserve(area: Area, size: number): Window {
    return size <= this.sizes[area] ? this : this.#large(area, size)
  }

  /** Where a result of `length` bytes stands: there is room for it. */
  result(length: number): Window {
    return length <= L.WHOLE_VALUE ? this : this.records()
  }

  /** The private window for results. */
  records(): Window {
    return this.#windows[RESULT] as Window
  }

  /** Lets go of windows that are much larger than what is usual. */
  shrink(): void {
    this.isLarge = false
    for (let area = 0; area < this.#windows.length; area++) {
      const window = this.#windows[area]
      if (window === undefined || window.u8.length <= LARGEST_KEPT) continue
      this.#windows[area] = undefined
      if (area === RESULT) this.#kernel().setResultWindow(0)
    }
  }

  pull(area: Area, offset: number, length: number): void {
    const from = (this.#windows[area] as Window).u8
    this.u8.set(from.subarray(offset, offset + length), this.at[area])
  }

  push(offset: number, length: number): void {
    const to = (this.#windows[RESULT] as Window).u8
    to.set(this.u8.subarray(this.resultBytes, this.resultBytes + length), offset)
  }

  #large(area: Area, size: number): Window {
    const known = this.#windows[area]
    if (known !== undefined && known.u8.length >= size + WORD) return known
    const window = new Window()
    const bytes = Math.max(SMALLEST_WINDOW, known === undefined ? 0 : Math.min(known.u8.length * 2, LARGEST_KEPT), size)
    // What the kernel takes for its room and what is tested above must be one number, or a value between the two never fits.
    const room = (bytes + WORD - 1) & -WORD
    window.view(new ArrayBuffer(room + WORD))
    this.#windows[area] = window
    if (area === RESULT) this.#kernel().setResultWindow(room)
    if (room > LARGEST_KEPT) this.isLarge = true
    return window
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
