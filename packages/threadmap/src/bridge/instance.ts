/** Makes an instance of the kernel over a memory. */
import type { Clock } from './clock.js'
import type { KernelExports } from './exports.js'
import { guarded } from './guarded.js'
import type { MapMemory } from './memory.js'
import { compile } from './requirements.js'
import type { Area, Carrier } from './scratch.js'
import { KERNEL_BASE64 } from './wasm.generated.js'

/** The module from which the kernel imports WebAssembly's JS String Builtins (kernel/table/text.ts). */
const TEXT = 'wasm:js-string'

let compiled: WebAssembly.Module | undefined
let readsStrings = false

/** The kernel, compiled once per thread. */
function kernelModule(): WebAssembly.Module {
  if (compiled !== undefined) return compiled
  compiled = compile(fromBase64(KERNEL_BASE64))
  // Where the runtime has the builtins, they are no longer among the imports.
  readsStrings = WebAssembly.Module.imports(compiled).every(({ module }) => module !== TEXT)
  return compiled
}

/** What newer runtimes have of the standard, and Node and Bun of their own: with a callback for each character it took 10 ms (Node 24). */
interface Decoders {
  Uint8Array: { fromBase64?(text: string): Uint8Array<ArrayBuffer> }
  Buffer?: { from(text: string, encoding: 'base64'): Uint8Array<ArrayBuffer> }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const { Uint8Array: standard, Buffer: node } = globalThis as unknown as Decoders
  if (standard.fromBase64 !== undefined) return standard.fromBase64(text)
  if (node !== undefined) return node.from(text, 'base64')
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}

/** Whether the kernel reads the characters of strings as fast as JavaScript does. Known when there is an instance. */
export function kernelReadsStrings(): boolean {
  return readsStrings
}

/**
 * An instance of the kernel over `memory`. Each thread has its own; outside the memory the kernel keeps only state of this
 * thread. `declareEnded` declares the threads dead that are known to have ended. `evicted` hears of keys that this thread evicts, once the
 * kernel is told to `listen`; it must run no code of the program.
 */
export function instantiate(
  memory: MapMemory,
  carrier: Carrier,
  clock: Clock,
  declareEnded: () => void,
  evicted: (key: number, meta: number, reason: number) => void,
): KernelExports {
  const host = { now: () => performance.now(), clock: () => clock.now(), declareEnded }
  const carry = {
    pull: (area: Area, offset: number, length: number, to: number) => carrier.pull(area, offset, length, to >>> 0),
    push: (from: number, offset: number, length: number) => carrier.push(from >>> 0, offset, length),
  }
  // Imported where the builtins are absent. The library does not call what needs them there: a call for each character is slow.
  const text = { length: (text: string) => text.length, charCodeAt: (text: string, at: number) => text.charCodeAt(at) }
  const imports = {
    env: { memory: memory as WebAssembly.Memory },
    thread: host,
    listener: { evicted },
    carry,
    [TEXT]: text,
  }
  // A plain object: looking up a function in the frozen exports object takes longer than calling it.
  const exports = { ...new WebAssembly.Instance(kernelModule(), imports).exports }
  return guarded(exports as unknown as Parameters<typeof guarded>[0])
}
