import type { KernelExports } from './exports.js'
import * as L from './layout.generated.js'
import type { MapMemory } from './memory.js'

/** The scratch areas of a thread. */
export const KEY = L.AREA_KEY
export const VALUE = L.AREA_VALUE
export const EXPECTED = L.AREA_EXPECTED
export const RESULT = L.AREA_RESULT
export type Area = typeof KEY | typeof VALUE | typeof EXPECTED | typeof RESULT

/** Node's and Bun's Buffer methods for Latin-1 and UTF-16 text, and for copies; they work on shared memory. */
export interface TextBuffer extends Uint8Array {
  copy(target: Uint8Array, targetStart: number, start: number, end: number): number
  latin1Write(text: string, offset: number, length: number): number
  latin1Slice(start: number, end: number): string
  ucs2Write(text: string, offset: number, length: number): number
  ucs2Slice(start: number, end: number): string
}

/** Typed views on one memory, and where each area begins in it. Codecs write to windows and read from them. */
export class Window {
  u8!: Uint8Array
  u16!: Uint16Array
  i32!: Int32Array
  u32!: Uint32Array
  f64!: Float64Array
  i64!: BigInt64Array
  data!: DataView
  /** Undefined in runtimes without these methods, or where they refuse shared memory. */
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

/** Carries keys and values that are longer than their area between a private buffer and the shared memory (kernel/table/carry.ts). */
export interface Carrier {
  pull(area: Area, offset: number, length: number, to: number): void
  push(from: number, offset: number, length: number): void
}

/** Bytes of the shortest private window, and of the longest that is kept after its operation. */
const SMALLEST_WINDOW = 16 * 1024
const LARGEST_KEPT = 1024 * 1024
/** Bytes of a word: the kernel writes whole words, so each window has one word more than its room. */
const WORD = 8

/**
 * One thread's window on the memory of a map: typed views, and the addresses of its scratch areas. The areas are small and do
 * not move. A value that is larger than its area has a window of its own, in memory that no other thread sees.
 */
export class Scratch extends Window implements Carrier {
  readonly memory: MapMemory
  readonly #kernel: () => KernelExports
  /** How many bytes fit into each area without a private window. */
  readonly sizes: readonly number[] = [L.WHOLE_KEY, L.WHOLE_VALUE, L.WHOLE_VALUE, L.WHOLE_VALUE]
  readonly #windows: (Window | undefined)[] = [undefined, undefined, undefined, undefined]
  /** Whether there is a private window that `shrink` should let go of. */
  isLarge = false
  /** Addresses at which the kernel leaves a value: the value word, or the bytes. */
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

  /** Makes the views as long as the memory is: other threads may have made it grow. */
  refresh(): void {
    const seen = new Uint32Array(this.memory.buffer, L.H_PAGES_SEEN, 1)[0] * L.PAGE
    // `grow(0)` updates the buffer. V8 looks at every shared memory of this thread then, so it is called only if it must be.
    if (seen > this.memory.buffer.byteLength) this.memory.grow(0)
    this.view(this.memory.buffer)
  }

  /**
   * The window in which `size` bytes of an area go to `at[area]`: this one, or a private one if the area is too small. The area's
   * content is lost.
   */
  reserve(area: Area, size: number): Window {
    return size <= this.sizes[area] ? this : this.#large(area, size)
  }

  /** The window that holds a result of `length` bytes, which fits. */
  result(length: number): Window {
    return length <= L.WHOLE_VALUE ? this : this.records()
  }

  /** The private window for results. */
  records(): Window {
    return this.#windows[RESULT] as Window
  }

  /** Lets go of the windows that are longer than LARGEST_KEPT. */
  shrink(): void {
    this.isLarge = false
    for (let area = 0; area < this.#windows.length; area++) {
      const window = this.#windows[area]
      if (window === undefined || window.u8.length <= LARGEST_KEPT) continue
      this.#windows[area] = undefined
      if (area === RESULT) this.#kernel().setResultWindow(0)
    }
  }

  pull(area: Area, offset: number, length: number, to: number): void {
    // This thread's kernel may have made the memory grow for the place.
    if (to + length > this.u8.length) this.refresh()
    copy(this.#windows[area] as Window, offset, this, to, length)
  }

  push(from: number, offset: number, length: number): void {
    if (from + length > this.u8.length) this.refresh()
    copy(this, from, this.#windows[RESULT] as Window, offset, length)
  }

  #large(area: Area, size: number): Window {
    const known = this.#windows[area]
    if (known !== undefined && known.u8.length >= size + WORD) return known
    const window = new Window()
    const bytes = Math.max(SMALLEST_WINDOW, known === undefined ? 0 : Math.min(known.u8.length * 2, LARGEST_KEPT), size)
    // The kernel's room and the length that is tested above must be one number, or a value between the two never fits.
    const room = (bytes + WORD - 1) & -WORD
    window.view(new ArrayBuffer(room + WORD))
    this.#windows[area] = window
    if (area === RESULT) this.#kernel().setResultWindow(room)
    if (room > LARGEST_KEPT) this.isLarge = true
    return window
  }
}

/** By the Buffer where there is one: its `copy` takes 80 ns for 4,080 bytes, where `set` of a subarray takes 320 to 360 (Node 24; 180 and 190 on Node 20). */
function copy(source: Window, from: number, target: Window, to: number, length: number): void {
  if (source.text !== undefined && target.text !== undefined) source.text.copy(target.text, to, from, from + length)
  else target.u8.set(source.u8.subarray(from, from + length), to)
}

function textBuffer(buffer: ArrayBufferLike): TextBuffer | undefined {
  const node = (globalThis as { Buffer?: { from(buffer: ArrayBufferLike): Uint8Array } }).Buffer
  if (node === undefined) return undefined
  try {
    const text = node.from(buffer) as TextBuffer
    // Some runtimes have the class without these methods, or refuse shared memory.
    return text.buffer === buffer &&
      text.latin1Slice(0, 4).length === 4 &&
      text.ucs2Slice(0, 4).length === 2 &&
      typeof text.copy === 'function' &&
      typeof text.latin1Write === 'function' &&
      typeof text.ucs2Write === 'function'
      ? text
      : undefined
  } catch {
    return undefined
  }
}
