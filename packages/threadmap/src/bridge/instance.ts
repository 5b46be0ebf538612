/** Makes an instance of the kernel over a memory. */
import type { Clock } from './clock.js'
import type { KernelExports } from './exports.js'
import { guarded } from './guarded.js'
import type { MapMemory } from './memory.js'
import { compile } from './requirements.js'
import type { Area, Carrier } from './scratch.js'
import { KERNEL_BASE64 } from './wasm.generated.js'

let compiled: WebAssembly.Module | undefined

/** The kernel, compiled once per thread. */
function kernelModule(): WebAssembly.Module {
  compiled ??= compile(Uint8Array.from(atob(KERNEL_BASE64), char => char.charCodeAt(0)))
  return compiled
}

/**
 * An instance of the kernel over `memory`. Each thread has its own; outside the memory the kernel keeps only state of this
 * thread. `declareEnded` declares the threads dead that are known to have ended.
 */
export function instantiate(
  memory: MapMemory,
  carrier: Carrier,
  clock: Clock,
  declareEnded: () => void,
): KernelExports {
  const host = { now: () => performance.now(), clock: () => clock.now(), declareEnded }
  const carry = {
    pull: (area: Area, offset: number, length: number) => carrier.pull(area, offset, length),
    push: (offset: number, length: number) => carrier.push(offset, length),
  }
  const imports = { env: { memory: memory as WebAssembly.Memory }, thread: host, carry }
  // A plain object: looking up a function in the frozen exports object takes longer than calling it.
  const exports = { ...new WebAssembly.Instance(kernelModule(), imports).exports }
  return guarded(exports as unknown as Parameters<typeof guarded>[0])
}
